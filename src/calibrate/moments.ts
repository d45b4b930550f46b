// Sums over calibration tokens: what a product's inputs say of which errors matter.

import type { Engine } from './engine.ts';
import { transposed } from './rows.ts';
import { floats } from './weights.ts';

/** Tokens whose sums are taken in single precision before they are added up. */
const rowsAtOnce = 256;

/** Σ a bᵀ over rows of `width`, [width, width]. */
export async function moments(
  a: Float32Array,
  b: Float32Array,
  width: number,
  engine: Engine,
): Promise<Float64Array> {
  const sum = new Float64Array(width * width);
  const out = floats(engine, width * width);
  const [left, right] = [floats(engine, rowsAtOnce * width), floats(engine, rowsAtOnce * width)];
  for (let from = 0; from < a.length; from += rowsAtOnce * width) {
    const to = Math.min(from + rowsAtOnce * width, a.length);
    const [x, weight] = [left.subarray(0, to - from), right.subarray(0, to - from)];
    transposed(a.subarray(from, to), width, x);
    transposed(b.subarray(from, to), width, weight);
    const inDim = (to - from) / width;
    await engine.multiply({ x, rows: width, weight, inDim, outDim: width, out });
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (out[i] ?? 0);
  }
  return sum;
}

/** The mean of the diagonal. */
export function meanDiagonal(matrix: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += matrix[i * size + i] ?? 0;
  return sum / size;
}

/** A multiple of the matrix with a number added to its diagonal. */
export function withDiagonal(
  matrix: Float64Array,
  size: number,
  added: number,
  factor: number = 1,
): Float64Array {
  const out = matrix.map((value) => value * factor);
  for (let i = 0; i < size; i++) out[i * size + i] = (out[i * size + i] ?? 0) + added;
  return out;
}
