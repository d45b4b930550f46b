// The parts of a decoder layer that are not products with weights, on rows of tokens.

/** LayerNorm over rows of `weight.length`. */
export function layerNorm(
  x: Float64Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
  epsilon: number,
  out: Float64Array,
): Float64Array {
  const width = weight.length;
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[row + i] ?? 0;
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += ((x[row + i] ?? 0) - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) {
      out[row + i] = ((x[row + i] ?? 0) - mean) * scale * (weight[i] ?? 0) + (bias?.[i] ?? 0);
    }
  }
  return out;
}

/**
 * Turns the pairs (i, i + headDim / 2) of every head by position × theta^(-2i / headDim), in place.
 * The angles are rounded to float32 as the reference rounds them: far into a text that is the
 * larger part of the difference between two implementations.
 */
export function rotate(x: Float64Array, width: number, headDim: number, theta: number): void {
  const half = headDim / 2;
  const rows = x.length / width;
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / headDim)));
    for (let position = 0; position < rows; position++) {
      const angle = Math.fround(position * frequency);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      const end = (position + 1) * width;
      for (let at = position * width + i; at < end; at += headDim) {
        const first = x[at] ?? 0;
        const second = x[at + half] ?? 0;
        x[at] = first * cos - second * sin;
        x[at + half] = second * cos + first * sin;
      }
    }
  }
}

export interface Sight {
  /** Keys a query sees, itself included; -1 for all before it. */
  readonly window: number;
  /** 0 where a token is padding that nobody sees; undefined for none. */
  readonly mask: readonly number[] | undefined;
}

export interface Heads {
  readonly numHeads: number;
  readonly headDim: number;
}

/** Causal attention of q, k, v [tokens, heads · headDim], added to `out`; who sees nothing adds nothing. */
export function attend(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  { numHeads, headDim }: Heads,
  { window, mask }: Sight,
  out: Float64Array,
): Float64Array {
  const width = numHeads * headDim;
  const tokens = q.length / width;
  for (let query = 0; query < tokens; query++) {
    const keys: number[] = [];
    for (let key = window < 0 ? 0 : Math.max(0, query - window + 1); key <= query; key++) {
      if (mask?.[key] !== 0) keys.push(key);
    }
    for (let head = 0; head < width; head += headDim) {
      const from = query * width + head;
      const scores = keys.map((key) => dot(q, from, k, key * width + head, headDim));
      softmax(scores, headDim ** -0.5).forEach((weight, index) => {
        const at = (keys[index] ?? 0) * width + head;
        for (let i = 0; i < headDim; i++) {
          out[from + i] = (out[from + i] ?? 0) + weight * (v[at + i] ?? 0);
        }
      });
    }
  }
  return out;
}

function softmax(scores: readonly number[], scale: number): readonly number[] {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = scores.map((score) => Math.exp((score - largest) * scale));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (a[aAt + i] ?? 0) * (b[bAt + i] ?? 0);
  return sum;
}

/** GeGLU: the first half of every row, activated, times the second half. */
export function gate(
  x: Float64Array,
  half: number,
  activation: (x: number) => number,
  out: Float64Array,
): Float64Array {
  for (let at = 0; at < out.length; at++) {
    const row = Math.floor(at / half);
    const from = row * 2 * half + (at - row * half);
    out[at] = activation(x[from] ?? 0) * (x[from + half] ?? 0);
  }
  return out;
}
