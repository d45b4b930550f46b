// Every fused operator. The one line outside its folder that an operator needs.

import type { OpDef } from '../src/op.ts';
import { fusedAttention } from './fused-attention/op.ts';
import { gatherBlocks } from './gather-blocks/op.ts';
import { geglu } from './geglu/op.ts';
import { skipLayerNorm } from './skip-layer-norm/op.ts';

/** The operators of domain `ai.modernbert`, by name. */
export const ops: ReadonlyMap<string, OpDef> = new Map(
  [fusedAttention, gatherBlocks, geglu, skipLayerNorm].map((op) => [op.name, op]),
);
