// Padding on either side, by one rule.
//
// FusedAttention knows rows that end early, not rows that begin late. So every row's ids are rolled
// to the front by the number of zeros its mask begins with, and results are rolled back where
// somebody reads them. Positions are then the true ones, for left and for right padding alike.
//
//     shift   = leading zeros of the chunk's part of the mask
//     ids     = input_ids[(s + shift) mod S]
//     result  = hidden[(s - shift) mod S]
//
// Shape arithmetic stays int64: providers that run on a GPU keep it on the host.

import type { Builder } from '../ir/builder.ts';
import { elementType, int } from '../ir/attributes.ts';

export interface Rolled {
  /** input_ids with every row's first real token in front, [batch, sequence]. */
  readonly ids: string;
  /** Last slot that each row attends to, int32 [batch]. */
  readonly seqlensK: string;
  /** Columns of the attention mask, int32 scalar. */
  readonly total: string;
  /** 0 … S-1, [sequence]. */
  readonly positions: string;
  /** Leading zeros of each row, [batch, 1]. */
  readonly shift: string;
  /** S, a scalar. */
  readonly length: string;
}

/** Rolls the ids of a whole sequence, or of a chunk behind a cache. */
export function roll(b: Builder, cached: boolean): Rolled {
  const one = b.int64([1]);
  const zero = b.int64([0]);
  const totalAxis = b.op('Shape', ['attention_mask'], { as: 'total_axis', ...axisOne }); // [1]
  const total = b.op('Cast', [b.op('Squeeze', [totalAxis, zero])], {
    as: 'total',
    attributes: { to: elementType('int32') },
  });
  const axis = b.op('Shape', ['input_ids'], { as: 'sequence_axis', ...axisOne }); // [1]
  const length = b.op('Squeeze', [axis, zero], { as: 'sequence' });
  const positions = b.op('Range', [b.int64(0), length, b.int64(1)], { as: 'positions' });

  const real = b.op('ReduceSum', ['attention_mask', one], { ...dropped, as: 'real_tokens' }); // [batch]
  const lastOfPrompt = b.op('Sub', [b.op('Max', [real, one]), one], { as: 'last_of_prompt' });
  const chunk = cached ? chunkMask(b, axis, totalAxis) : 'attention_mask'; // [batch, sequence]
  const last = cached
    ? lastOfChunk(b, { real, chunk, axis, totalAxis, lastOfPrompt })
    : lastOfPrompt;
  const seqlensK = b.op('Cast', [last], {
    as: 'seqlens_k',
    attributes: { to: elementType('int32') },
  });

  const shift = b.op('ArgMax', [chunk], {
    as: 'shift',
    attributes: { axis: int(1), keepdims: int(1) },
  });
  const rolled = b.op('Mod', [b.op('Add', [positions, shift]), length], { as: 'roll' });
  const ids = gatherRows(b, 'input_ids', rolled, 'rolled_ids');
  return { ids, seqlensK, total, positions, shift, length };
}

/** Where position s of the caller's order lies in the rolled order, [batch, sequence]. */
export function unroll(b: Builder, { positions, shift, length }: Rolled): string {
  return b.op('Mod', [b.op('Sub', [positions, shift]), length], { as: 'unroll' });
}

/** Rows of `data` at per-batch positions: data[b, at[b, i]]. */
export function gatherRows(b: Builder, data: string, at: string, as: string): string {
  const indices = b.op('Unsqueeze', [at, b.int64([-1])]); // [batch, n, 1]
  return b.op('GatherND', [data, indices], { as, attributes: { batch_dims: int(1) } });
}

const axisOne = { attributes: { start: int(1), end: int(2) } };
const dropped = { attributes: { keepdims: int(0) } };

/** The mask's columns that belong to the new tokens, the last S of T. */
function chunkMask(b: Builder, axis: string, totalAxis: string): string {
  const start = b.op('Sub', [totalAxis, axis], { as: 'chunk_start' });
  return b.op('Slice', ['attention_mask', start, totalAxis, b.int64([1])], {
    as: 'chunk_mask',
    type: { dtype: 'int64', shape: ['batch_size', 'sequence_length'] },
  });
}

/**
 * In a prompt (S == T) the last real token; later the last slot that the chunk writes, padding
 * included: the real tokens before it decide where it begins.
 */
function lastOfChunk(
  b: Builder,
  { real, chunk, axis, totalAxis, lastOfPrompt }: ChunkValues,
): string {
  const one = b.int64([1]);
  const here = b.op('ReduceSum', [chunk, one], dropped);
  const before = b.op('Sub', [real, here], { as: 'real_before' });
  const lastOfLater = b.op('Add', [before, b.op('Sub', [axis, one])]);
  const prompt = b.op('Equal', [axis, totalAxis], { as: 'is_prompt' });
  return b.op('Where', [prompt, lastOfPrompt, lastOfLater], { as: 'last_slot' });
}

interface ChunkValues {
  /** Real tokens of each row, [batch]. */
  readonly real: string;
  /** The chunk's part of the mask, [batch, sequence]. */
  readonly chunk: string;
  /** S and T, [1]. */
  readonly axis: string;
  readonly totalAxis: string;
  /** The last slot if this is a prompt, [batch]. */
  readonly lastOfPrompt: string;
}
