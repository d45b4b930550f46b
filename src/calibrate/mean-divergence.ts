// The mean of divergences over the tokens of texts, and how far that of other texts may be from it.

/** A mean over all tokens. */
export interface KlFound {
  readonly kl: number;
  /** Of the mean, by how much the texts differ. */
  readonly standardError: number;
}

/** Tokens whose mean counts as one observation: neighbors see the same text. */
const neighbors = 64;

/** Of the values of texts, one behind the other. */
export function meanOf(values: Float64Array, sequences: readonly Int32Array[]): KlFound {
  const means: number[] = [];
  let at = 0;
  for (const { length } of sequences) {
    for (let from = at; from < at + length; from += neighbors) {
      means.push(mean(values.subarray(from, Math.min(from + neighbors, at + length))));
    }
    at += length;
  }
  const kl = mean(values);
  const count = means.length;
  if (count < 2) return { kl, standardError: kl }; // nothing is known of others
  const squares = means.reduce((sum, value) => sum + (value - kl) ** 2, 0);
  return { kl, standardError: Math.sqrt(squares / (count - 1) / count) };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
