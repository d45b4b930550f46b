// Attention of one query to the keys before it, and rotary positions.

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

/** Rows of keys and values one behind the other, from `at` on. */
export interface Past {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly at: number;
}

/**
 * What the query at `position` takes from the keys it sees, written over `out` at `outAt`; returns
 * the largest magnitude of its scaled scores.
 */
export function attend(
  { q, qAt, position, window }: Query,
  { keys, values, at }: Past,
  { numHeads, headDim }: Heads,
  out: Float32Array,
  outAt: number,
): number {
  const width = numHeads * headDim;
  const first = window < 0 ? 0 : Math.max(0, position - window + 1);
  const count = position + 1 - first;
  const scores = new Float64Array(count);
  let farthest = 0;
  for (let head = 0; head < width; head += headDim) {
    let [largest, least] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let key = 0; key < count; key++) {
      const from = at + (first + key) * width + head;
      let score = 0;
      for (let i = 0; i < headDim; i++) score += (q[qAt + head + i] ?? 0) * (keys[from + i] ?? 0);
      scores[key] = score;
      if (score > largest) largest = score;
      if (score < least) least = score;
    }
    farthest = Math.max(farthest, largest, -least);
    let total = 0;
    for (let key = 0; key < count; key++) {
      const weight = Math.exp(((scores[key] ?? 0) - largest) * headDim ** -0.5);
      scores[key] = weight;
      total += weight;
    }
    for (let i = 0; i < headDim; i++) {
      let sum = 0;
      const from = at + first * width + head + i;
      for (let key = 0; key < count; key++)
        sum += (scores[key] ?? 0) * (values[from + key * width] ?? 0);
      out[outAt + head + i] = sum / total;
    }
  }
  return farthest * headDim ** -0.5;
}

export interface Query {
  readonly q: Float32Array;
  readonly qAt: number;
  /** Of the query among the keys. */
  readonly position: number;
  /** Keys it sees, itself included; -1 for all. */
  readonly window: number;
}
