import type { FunctionDef } from '../../src/ir/graph.ts';
import type { Call } from '../../src/op.ts';
import { opsets } from '../opsets.ts';
import { gated } from './body.ts';

/** ONNX Runtime has no gated activation, but a kernel for Gelu. */
export function contrib(call: Call): FunctionDef {
  return { ...gated(call, 'node'), opsets: { '': opsets.contrib } };
}
