// A prompt chunk by chunk, with padding at the beginning or at the end of every chunk. The mask
// keeps the columns of all padding, while positions and slots of the cache count real tokens only.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import type { Side } from './batch.ts';
import type { Ledger } from './ledger.ts';
import type { Cache, Model } from '../base/model.ts';
import { rowsOf, type GoldenPrompt } from './prompt.ts';
import { chunkSizes } from './stage-cached.ts';

/** Columns of padding in a chunk. */
const maxPadding = 3;

/** Runs prompts of one row: ONNX Runtime's attention takes chunks of no others. */
export async function paddedChunks(
  model: Model,
  ledger: Ledger,
  prompt: GoldenPrompt,
  side: Side,
  { padTokenId, maxPositions }: ModernBertDecoderConfig,
): Promise<void> {
  const [row, ...others] = rowsOf(prompt);
  if (row === undefined || others.length > 0 || row.ids.length < 2) return;
  const mask: bigint[] = []; // [columns so far]
  let cache: Cache | undefined;
  let from = 0;
  for (const size of chunkSizes(row.ids.length)) {
    const to = from + size;
    // padding passes through the slots behind the tokens, which must be positions too
    const padding = Math.min(maxPadding, maxPositions - to);
    const ids = row.ids.slice(from, to);
    const ones = ids.map(() => 1n);
    mask.push(...withPadding(ones, side, padding, 0n));
    const outputs = await model.run({
      batch: 1,
      ids: BigInt64Array.from(withPadding(ids, side, padding, BigInt(padTokenId))),
      mask: BigInt64Array.from(mask),
      ...(cache !== undefined && { cache }),
    });
    const lead = side === 'left' ? padding : 0;
    const vector = (_: number, kept: number): Float32Array => outputs.vector(0, lead + kept);
    const layout = { rows: [row], starts: [0], counts: [to] };
    ledger.compare('padded-chunks', layout, { ...outputs, kept: size, vector }, from);
    cache = outputs.cache;
    from = to;
  }
}

function withPadding(
  values: readonly bigint[],
  side: Side,
  count: number,
  pad: bigint,
): readonly bigint[] {
  const padding = Array.from({ length: count }, () => pad);
  return side === 'left' ? [...padding, ...values] : [...values, ...padding];
}
