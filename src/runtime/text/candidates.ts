// The most likely tokens of a row whose logits lie in host memory.

import type { Ask, Candidates } from '../../base/decoding.ts';

/** What may follow a row that holds the tokens `seen`; `logits` are changed by the penalty. */
export function candidatesOf(
  logits: Float32Array,
  seen: Iterable<number>,
  { count, repetitionPenalty }: Ask,
): Candidates {
  if (repetitionPenalty !== 1) penalize(logits, seen, repetitionPenalty);
  const ids = bestOf(logits, Math.min(count, logits.length));
  return {
    ids,
    logits: Float32Array.from(ids, (id) => logits[id] ?? Number.NaN),
    logSum: logSumOf(logits),
    all: async () => logits,
  };
}

/** Every id by its logit, best first; of equal logits the smaller id. */
export function ranked(logits: Float32Array): Uint32Array {
  // One number for logit and id sorts without a comparison function: 32 bits that order as the
  // logits do, best first, and 21 bits of the id.
  const bits = new Uint32Array(Float32Array.from(logits, (logit) => logit + 0).buffer); // no -0
  const keys = Float64Array.from(bits, (word, id) => descending(word) * idRange + id);
  return Uint32Array.from(keys.toSorted(), (key) => key % idRange);
}

const idRange = 2 ** 21;

function descending(word: number): number {
  return word >= 0x80000000 ? word : 0x7fffffff - word;
}

function penalize(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  for (const id of new Set(seen)) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

function bestOf(logits: Float32Array, count: number): Uint32Array {
  if (count > maxInserted) return ranked(logits).slice(0, count);
  const ids = new Uint32Array(count);
  const best = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
  let found = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (found === count && !(logit > (best[count - 1] ?? Number.NaN))) continue;
    let at = found < count ? found++ : count - 1;
    for (; at > 0 && logit > (best[at - 1] ?? Number.NaN); at--) {
      best[at] = best[at - 1] ?? Number.NaN;
      ids[at] = ids[at - 1] ?? 0;
    }
    best[at] = logit;
    ids[at] = id;
  }
  return ids;
}

/** Inserting into a list costs less than sorting the vocabulary up to about here. */
const maxInserted = 512;

function logSumOf(logits: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) most = Math.max(most, logit); // a NaN stays
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}
