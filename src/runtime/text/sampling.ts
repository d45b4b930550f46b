// The choice of a token, with the meaning and order that transformers gives its processors:
// temperature, then top-k, then top-p, then min-p. Each keeps a prefix of the tokens sorted by
// probability, so what is left is a prefix too, and the choice is a place on its cumulated weights.
//
// A device hands over its best tokens only. What it holds back is known within bounds: where both
// bounds lead to the same choice, that is the choice; where they do not, all logits are fetched.

import type { Candidates } from '../../base/decoding.ts';
import { ranked } from './candidates.ts';

export interface Sampling {
  /** Logits are divided by it; more than 0. */
  readonly temperature: number;
  /** Only so many of the most likely tokens, and what is as likely as the last of them; 0: all. */
  readonly topK: number;
  /** Only the most likely tokens that reach this probability together; 1: all. */
  readonly topP: number;
  /** Only tokens at least this part as likely as the most likely one; 0: all. */
  readonly minP: number;
}

/** The most likely tokens in order, and what is known of those behind them. */
interface Ordered {
  readonly ids: Uint32Array;
  /** Relative to the first. */
  readonly weights: Float64Array;
  /** Bounds of the weight of all tokens that are not listed. */
  readonly rest: readonly [low: number, high: number];
}

/** Where top-k is off, so many candidates decide nearly every choice. */
const usualCount = 64;

/** Sums of float32 logits differ by this much from device to device. */
const tolerance = 1e-4;

/** How many candidates to ask for; one more than top-k shows whether the last is as likely. */
export function candidateCount({ topK }: Pick<Sampling, 'topK'>): number {
  return topK > 0 ? topK + 1 : usualCount;
}

/** Chooses a token by a number in [0, 1). */
export async function sample(
  candidates: Candidates,
  vocabSize: number,
  sampling: Sampling,
  uniform: number,
): Promise<number> {
  const known = orderedOf(candidates, vocabSize, sampling);
  const id = known && pick(known, sampling, uniform);
  if (id !== undefined) return id;
  const all = await candidates.all();
  const ids = ranked(all);
  const logits = Float32Array.from(ids, (each) => all[each] ?? Number.NaN);
  const whole = orderedOf({ ids, logits, logSum: 0 }, ids.length, sampling);
  const chosen = whole && pick(whole, sampling, uniform);
  if (chosen === undefined) throw new TypeError('no logit can be chosen from');
  return chosen;
}

/** The candidates after temperature and top-k; undefined where top-k needs more of them. */
function orderedOf(
  { ids, logits, logSum }: Omit<Candidates, 'all'>,
  vocabSize: number,
  { temperature, topK }: Sampling,
): Ordered | undefined {
  const best = logits[0] ?? Number.NaN;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - best) / temperature));
  if (topK > 0 && topK < vocabSize) {
    const last = logits[topK - 1] ?? Number.NaN;
    const end = logits.findIndex((logit) => logit < last);
    if (end === -1 && logits.length < vocabSize) return undefined;
    const kept = end === -1 ? logits.length : end;
    return { ids: ids.subarray(0, kept), weights: weights.subarray(0, kept), rest: [0, 0] };
  }
  const hidden = vocabSize - ids.length;
  if (hidden === 0) return { ids, weights, rest: [0, 0] };
  return { ids, weights, rest: restBounds(logits, logSum, hidden, temperature) };
}

/**
 * Bounds of the weight of `hidden` tokens, none above the last candidate. Their weight at
 * temperature 1 is known, but for rounding. Below 1 none shrinks less than the last candidate
 * does; above 1 it is most when they are all alike.
 */
function restBounds(
  logits: Float32Array,
  logSum: number,
  hidden: number,
  temperature: number,
): readonly [low: number, high: number] {
  const best = logits[0] ?? Number.NaN;
  const last = Math.exp((logits.at(-1) ?? Number.NaN) - best);
  const listed = logits.reduce((sum, logit) => sum + Math.exp(logit - best), 0);
  const total = Math.exp(logSum - best);
  const most = Math.max(total * (1 + tolerance) - listed, 0);
  if (temperature === 1) return [Math.max(total * (1 - tolerance) - listed, 0), most];
  const shrunk = last ** (1 / temperature);
  const alike = hidden * (most / hidden) ** (1 / temperature);
  const cooled = most * last ** (1 / temperature - 1);
  return [0, Math.min(hidden * shrunk, temperature < 1 ? cooled : alike)];
}

/** The chosen id; undefined where the listed tokens do not decide it. */
function pick(ordered: Ordered, sampling: Sampling, uniform: number): number | undefined {
  const [low, high] = ordered.rest;
  const first = pickWith(ordered, sampling, uniform, low);
  // more weight behind the list never moves the choice forward
  const same = low === high || first === pickWith(ordered, sampling, uniform, high);
  return same ? first : undefined;
}

function pickWith(
  { ids, weights }: Ordered,
  { topP, minP }: Sampling,
  uniform: number,
  rest: number,
): number | undefined {
  const total = weights.reduce((sum, weight) => sum + weight, rest);
  let kept = 0;
  let sum = 0;
  for (const weight of weights) {
    // the weight before a token decides whether the tokens so far have reached top-p
    if (kept > 0 && ((topP < 1 && sum >= topP * total) || weight < minP)) break;
    sum += weight;
    kept++;
  }
  const isCut = kept < weights.length || rest === 0;
  if (!isCut && (topP < 1 || minP > 0)) return undefined;
  const target = uniform * (isCut ? sum : total);
  let before = 0;
  for (let at = 0; at < kept; at++) {
    before += weights[at] ?? 0;
    if (target < before) return ids[at];
  }
  // rounding alone leads past the end of what was kept
  return isCut ? ids[kept - 1] : undefined;
}
