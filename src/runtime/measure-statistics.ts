// Times of several rounds in a few numbers.

/** The middle of values, and how far they spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

/** How many times as long the others took: above 1 the first are faster. Rounds are neighbors in time. */
export function ratioOf(first: readonly number[], others: readonly number[]): Spread {
  const count = Math.min(first.length, others.length);
  return spreadOf(
    first.slice(0, count).map((seconds, round) => (others[round] ?? Number.NaN) / seconds),
  );
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2;
}
