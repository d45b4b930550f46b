// Attention of queries to the keys before them, and rotary positions.

import { attentionKernels } from '../simd/kernels.ts';

export interface Heads {
  readonly numHeads: number;
  readonly headDim: number;
}

/** Cosines and sines of positions, [positions, headDim / 2] each. */
export interface Turns {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** The turns of the first positions for a base of frequencies. */
export function turnsOf(theta: number, headDim: number, positions: number): Turns {
  const half = headDim / 2;
  const angle = (_: unknown, at: number): number =>
    Math.floor(at / half) * theta ** ((-2 * (at % half)) / headDim);
  const angles = Float64Array.from({ length: positions * half }, angle);
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}

/** Turns the heads of the row of a query or key at a position, in place. */
export function turn(
  x: Float32Array,
  at: number,
  position: number,
  { numHeads, headDim }: Heads,
  { cos, sin }: Turns,
): void {
  const half = headDim / 2;
  for (let head = 0; head < numHeads; head++) {
    const start = at + head * headDim;
    for (let i = 0; i < half; i++) {
      const [c, s] = [cos[position * half + i] ?? 0, sin[position * half + i] ?? 0];
      const [first, second] = [x[start + i] ?? 0, x[start + half + i] ?? 0];
      x[start + i] = first * c - second * s;
      x[start + half + i] = second * c + first * s;
    }
  }
}

/** Queries of texts that do not see each other, and the keys and values before them. */
export interface Attention extends Heads {
  readonly texts: number;
  /** Of each text. */
  readonly queries: number;
  /** Of the first query among the keys of its text. */
  readonly position: number;
  /** Keys of each text that there is room for. */
  readonly room: number;
  /** Keys that a query sees, itself included; -1 for all. */
  readonly window: number;
  readonly q: Float32Array; // [texts, queries, heads · headDim]
  readonly keys: Float32Array; // [texts, room, heads · headDim]
  readonly values: Float32Array; // [texts, room, heads · headDim]
  readonly out: Float32Array; // [texts, queries, heads · headDim]
  /** Largest magnitudes of scaled scores. */
  readonly farthest: Float32Array; // [texts, heads]
}

/** Fills `out` for heads `from` to `to`, counted through all texts. */
export function attendHeads(job: Attention, from: number, to: number): void {
  const { numHeads } = job;
  for (let at = from; at < to;) {
    const [text, first] = [Math.floor(at / numHeads), at % numHeads];
    const count = Math.min(numHeads - first, to - at);
    attendText(job, text, first, count);
    at += count;
  }
}

/** Some heads of a text. */
function attendText(job: Attention, text: number, firstHead: number, heads: number): void {
  const { numHeads, headDim, queries, position, room, window } = job;
  const headWidth = laneFloats * Math.ceil(headDim / laneFloats);
  const from = window < 0 ? 0 : Math.max(0, position - window + 1);
  const count = position + queries - from;
  const size = heads * headWidth;
  const [keysAt, valuesAt, qAt] = [0, 4 * count * size, 8 * count * size];
  const scoresAt = qAt + 4 * queries * size;
  const outAt = scoresAt + 4 * (count + 3);
  const kernels = attentionKernels();
  // the scores of four keys are made at once: the last three may lie behind the keys
  const memory = kernels.room(outAt + 4 * (headWidth + 3 * size));
  const put = (x: Float32Array, row: number, rows: number, at: number): void => {
    const floats = new Float32Array(memory, at, rows * size);
    putHeads(x, { row, rows, width: numHeads * headDim, firstHead, headDim, headWidth }, floats);
  };
  put(job.keys, text * room + from, count, keysAt);
  put(job.values, text * room + from, count, valuesAt);
  put(job.q, text * queries, queries, qAt);
  const scores = new Float32Array(memory, scoresAt, count);
  const mixed = new Float32Array(memory, outAt, headDim);
  const [stride, bytes] = [4 * size, 4 * headWidth];
  for (let head = 0; head < heads; head++) {
    const shift = head * bytes;
    let farthest = 0;
    for (let query = 0; query < queries; query++) {
      const first = window < 0 ? 0 : Math.max(0, position + query - window + 1);
      const seen = position + query + 1 - first;
      const skipped = (first - from) * stride + shift;
      const ownAt = qAt + query * stride + shift;
      kernels.scores(ownAt, keysAt + skipped, 4 * Math.ceil(seen / 4), stride, bytes, scoresAt);
      farthest = Math.max(farthest, farthestOf(scores, seen));
      const total = weigh(scores, seen, headDim ** -0.5);
      kernels.mix(scoresAt, seen, valuesAt + skipped, stride, bytes, outAt);
      const to = ((text * queries + query) * numHeads + firstHead + head) * headDim;
      for (let i = 0; i < headDim; i++) job.out[to + i] = (mixed[i] ?? 0) / total;
    }
    job.farthest[text * numHeads + firstHead + head] = farthest * headDim ** -0.5;
  }
}

/** Floats that the kernels take of a head at a time. */
const laneFloats = 16;

interface Part {
  readonly row: number;
  readonly rows: number;
  readonly width: number;
  readonly firstHead: number;
  readonly headDim: number;
  readonly headWidth: number;
}

/** Copies heads of rows, each followed by zeros up to its width. */
function putHeads(
  x: Float32Array,
  { row, rows, width, firstHead, headDim, headWidth }: Part,
  out: Float32Array,
): void {
  const isWhole = headDim === headWidth;
  if (isWhole && out.length === rows * width) {
    return out.set(x.subarray(row * width, (row + rows) * width));
  }
  const size = out.length / rows;
  const [step, length] = isWhole ? [size, size] : [headWidth, headDim];
  for (let at = 0; at < out.length; at += step) {
    const head = firstHead + Math.floor((at % size) / headWidth);
    const from = (row + Math.floor(at / size)) * width + head * headDim;
    out.set(x.subarray(from, from + length), at);
    out.fill(0, at + length, at + step);
  }
}

function farthestOf(scores: Float32Array, count: number): number {
  let farthest = 0;
  for (let i = 0; i < count; i++) {
    const magnitude = Math.abs(scores[i] ?? 0);
    if (magnitude > farthest) farthest = magnitude;
  }
  return farthest;
}

/** Scores become exponentials below the largest one; returns their sum. */
function weigh(scores: Float32Array, count: number, scale: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const score = scores[i] ?? 0;
    if (score > largest) largest = score;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = Math.fround(Math.exp(((scores[i] ?? 0) - largest) * scale));
    scores[i] = weight;
    total += weight;
  }
  return total;
}
