import { ToolkitError } from '../../src/base/errors.ts';
import { type RealTensor, numberOf } from '../../src/op.ts';
import type { Attributes } from '../../src/ir/graph.ts';
import { bind } from '../bind.ts';

const names = ['qkv', 'past_key', 'past_value', 'seqlens_k', 'total', 'cos', 'sin'] as const;

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly sequence: number;
  readonly headDim: number;
  readonly rows: number;
}

export function reference(
  inputs: readonly RealTensor[],
  attributes: Attributes,
): readonly RealTensor[] {
  const t = bind('FusedAttention', names, inputs);
  const [batch = 0, sequence = 0] = t.qkv.shape;
  const [, heads = 0, past = 0, headDim = 0] = t.past_key.shape;
  const total = at(t.total.data, 0);
  const sizes = { batch, heads, sequence, headDim, rows: Math.max(past, total) };
  const scale = numberOf(attributes['scale']);
  const window = numberOf(attributes['window']);

  const key = grown(t.past_key, sizes);
  const value = grown(t.past_value, sizes);
  const output = new Float64Array(batch * sequence * heads * headDim);
  for (let b = 0; b < batch; b++) {
    const last = at(t.seqlens_k.data, b);
    const first = sequence === total ? 0 : last + 1 - sequence;
    const part = (s: number, which: number, head: number): Float64Array | Float32Array => {
      const start = (((b * sequence + s) * 3 + which) * heads + head) * headDim;
      return t.qkv.data.subarray(start, start + headDim);
    };
    const rowOf = (slot: number, head: number): number =>
      ((b * heads + head) * sizes.rows + slot) * headDim;

    for (let head = 0; head < heads; head++) {
      for (let s = 0; s < sequence; s++) {
        key.set(rotated(part(s, 1, head), first + s, t.cos, t.sin), rowOf(first + s, head));
        value.set(part(s, 2, head), rowOf(first + s, head));
      }
      for (let s = 0; s < sequence; s++) {
        const slot = first + s;
        const query = rotated(part(s, 0, head), slot, t.cos, t.sin);
        const low = window < 0 ? 0 : Math.max(0, slot - window + 1);
        const high = Math.min(slot, last);
        const rows = { keys: key, values: value, from: rowOf(low, head), count: high - low + 1 };
        output.set(attended(query, scale, rows), ((b * sequence + s) * heads + head) * headDim);
      }
    }
  }
  const cache = [batch, heads, sizes.rows, headDim];
  return [
    { shape: [batch, sequence, heads * headDim], data: output },
    { shape: cache, data: key },
    { shape: cache, data: value },
  ];
}

/** Softmax of the scores of consecutive rows, over their values; zeros where there are none. */
function attended(
  query: Float64Array,
  scale: number,
  rows: {
    readonly keys: Float64Array;
    readonly values: Float64Array;
    readonly from: number;
    readonly count: number;
  },
): Float64Array {
  const headDim = query.length;
  const out = new Float64Array(headDim);
  if (rows.count <= 0) return out;
  const scores = new Float64Array(rows.count);
  for (let j = 0; j < rows.count; j++) {
    let dot = 0;
    const row = rows.from + j * headDim;
    for (let i = 0; i < headDim; i++) dot += at(query, i) * at(rows.keys, row + i);
    scores[j] = dot * scale;
  }
  const highest = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((score) => Math.exp(score - highest));
  const sum = weights.reduce((a, b) => a + b);
  for (let j = 0; j < rows.count; j++) {
    const share = at(weights, j) / sum;
    const row = rows.from + j * headDim;
    for (let i = 0; i < headDim; i++) out[i] = at(out, i) + share * at(rows.values, row + i);
  }
  return out;
}

/** Each pair (x[i], x[i + d/2]) turned by the angle of its position. */
function rotated(
  x: Float64Array | Float32Array,
  position: number,
  cos: RealTensor,
  sin: RealTensor,
): Float64Array {
  const half = x.length / 2;
  const rows = cos.shape[0] ?? 0;
  if (position >= rows) {
    throw new ToolkitError('UNSUPPORTED_SIZE', 'a token lies beyond the rotary table', {
      where: { position, max_position_embeddings: rows },
      fix: 'give fewer tokens',
    });
  }
  const out = new Float64Array(x.length);
  for (let i = 0; i < half; i++) {
    const [c, s] = [at(cos.data, position * half + i), at(sin.data, position * half + i)];
    out[i] = at(x, i) * c - at(x, i + half) * s;
    out[i + half] = at(x, i + half) * c + at(x, i) * s;
  }
  return out;
}

/** A cache with room for `rows` rows in every head. */
function grown(cache: RealTensor, { batch, heads, headDim, rows }: Sizes): Float64Array {
  const out = new Float64Array(batch * heads * rows * headDim);
  const old = (cache.shape[2] ?? 0) * headDim;
  for (let head = 0; head < batch * heads; head++) {
    out.set(cache.data.subarray(head * old, (head + 1) * old), head * rows * headDim);
  }
  return out;
}

function at(data: Float64Array | Float32Array, index: number): number {
  return data[index] ?? Number.NaN;
}
