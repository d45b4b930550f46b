import { int, ref } from '../../src/ir/attributes.ts';
import { contribDomain, type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import type { Call } from '../../src/op.ts';
import { opsets } from '../opsets.ts';
import { body } from './body.ts';

// GroupQueryAttention rotates 16 numbers at a time and refuses other heads.
const rotaryStep = 16;

/** Whether GroupQueryAttention takes heads of a size; others run the standard body. */
export function takesHeads(headDim: number): boolean {
  return headDim % rotaryStep === 0;
}

/** ONNX Runtime's GroupQueryAttention, where it takes the size of the heads. */
export function contrib({ inputs }: Call): FunctionDef {
  const headDim = 2 * Number(inputs[5]?.shape[1] ?? Number.NaN); // cos is [positions, headDim / 2]
  if (!takesHeads(headDim)) return { ...body(), opsets: { '': opsets.contrib } };
  const qkvOnly = ['qkv', '', ''];
  const rest = ['past_key', 'past_value', 'seqlens_k', 'total', 'cos', 'sin'];
  return {
    domain: fusedDomain,
    name: 'FusedAttention',
    doc: 'GroupQueryAttention on packed queries, keys and values.',
    inputs: ['qkv', ...rest],
    outputs: ['output', 'present_key', 'present_value'],
    attributes: ['num_heads', 'scale', 'window'],
    nodes: [
      {
        domain: contribDomain,
        op: 'GroupQueryAttention',
        inputs: [...qkvOnly, ...rest],
        outputs: ['output', 'present_key', 'present_value'],
        attributes: {
          num_heads: ref('num_heads', 'int'),
          kv_num_heads: ref('num_heads', 'int'),
          scale: ref('scale', 'float'),
          local_window_size: ref('window', 'int'),
          do_rotary: int(1),
          rotary_interleaved: int(0),
        },
      },
    ],
    opsets: { [contribDomain]: 1 },
  };
}
