import type { FunctionDef } from '../../src/ir/graph.ts';
import type { Call } from '../../src/op.ts';
import { opsets } from '../opsets.ts';
import { unpacked } from './body.ts';

/** ONNX Runtime's own GatherBlockQuantized has no kernel on WebAssembly, so this is standard too. */
export function contrib(call: Call): FunctionDef {
  return { ...unpacked(call), opsets: { '': opsets.contrib } };
}
