// Rows of unequal length in one batch, padded left and right: padding must not change a row. With a
// cache the last tokens follow one after the other, as a generation would append them.

import { padded, withColumn, type Batch, type Side } from './batch.ts';
import type { Ledger } from './ledger.ts';
import type { Cache, Model } from '../base/model.ts';
import type { Row } from './prompt.ts';

/** Tokens that follow the padded prompt. */
const maxSingles = 8;

type Pair = readonly [short: Row, long: Row];

/** Pairs of unequal rows, the shortest with the longest; every row is in one where it can be. */
export function pairs(rows: readonly Row[]): readonly Pair[] {
  const sorted = rows.toSorted((a, b) => a.ids.length - b.ids.length);
  const [shortest] = sorted;
  const longest = sorted.at(-1);
  if (shortest === undefined || longest === undefined) return [];
  const opposite = (i: number): Row => sorted[sorted.length - 1 - i] ?? longest;
  return sorted.flatMap((row, i): readonly Pair[] => {
    const other = opposite(i);
    if (isShorter(row, other)) return [[row, other]];
    if (isShorter(other, row)) return []; // the pair of its opposite
    // of the lengths in the middle, which are equal
    if (isShorter(row, longest)) return [[row, longest]];
    return isShorter(shortest, row) ? [[shortest, row]] : [];
  });
}

function isShorter(a: Row, b: Row): boolean {
  return a.ids.length < b.ids.length;
}

export async function paddedPair(
  model: Model,
  ledger: Ledger,
  pair: Pair,
  side: Side,
  padId: number,
): Promise<void> {
  const stage = `padded-${side}`;
  const shortest = Math.min(...pair.map((row) => row.ids.length));
  const singles = model.task === 'text-generation' ? Math.min(maxSingles, shortest - 1) : 0;
  const batch = padded(pair, side, padId, singles);
  const outputs = await model.run({ batch: pair.length, ids: batch.ids, mask: batch.mask });
  if (model.task === 'text-classification') ledger.comparePooled(stage, pair, outputs);
  else ledger.compare(stage, batch, outputs, 0);
  await append(model, ledger, stage, batch, { singles, cache: outputs.cache });
}

async function append(
  model: Model,
  ledger: Ledger,
  stage: string,
  { rows, counts: promptCounts, length, mask: promptMask }: Batch,
  { singles, cache: promptCache }: { readonly singles: number; readonly cache: Cache },
): Promise<void> {
  // after right padding the rows' tokens go on in later columns
  const starts = promptCounts.map((count) => length - count);
  const counts = rows.map((row) => row.ids.length);
  let [mask, cache] = [promptMask, promptCache];
  for (let step = 0; step < singles; step++) {
    mask = withColumn(
      mask,
      rows.map(() => 1n),
    );
    const ids = rows.map((row) => row.ids[row.ids.length - singles + step] ?? 0n);
    const outputs = await model.run({
      batch: rows.length,
      ids: BigInt64Array.from(ids),
      mask,
      cache,
    });
    ledger.compare(stage, { rows, starts, counts }, outputs, length + step);
    cache = outputs.cache;
  }
}
