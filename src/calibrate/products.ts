// The product of activations with a weight as checkpoints keep it, [out, in], in single precision.
// Each sum has an order of its own that no cut of the work changes, so any cut gives the same
// numbers.

import { kernels } from '../simd/kernels.ts';

export interface Product {
  readonly x: Float32Array; // [rows, in]
  readonly rows: number;
  readonly weight: Float32Array; // [out, in]
  readonly inDim: number;
  readonly outDim: number;
  readonly out: Float32Array; // [rows, out]
}

/** Rows of x in work at a time: enough that copying the weight for them costs little. */
const inputBytes = 2 ** 20;

/** Rows of the weight in work at a time: they stay in a near cache. */
const weightBytes = 2 ** 17;

/** Columns `from` to `to` of x [rows, in] · weightᵀ [in, out], written into `out` [rows, out]. */
export function productColumns(product: Product, from: number, to: number): void {
  const { x, rows, weight, inDim } = product;
  const width = upTo(4, inDim);
  const inputRows = Math.min(upTo(4, rows), upTo(4, Math.ceil(inputBytes / 4 / width)));
  const weightRows = Math.min(upTo(2, to - from), upTo(2, Math.ceil(weightBytes / 4 / width)));
  const weightAt = 4 * inputRows * width;
  const outAt = weightAt + 4 * weightRows * width;
  const memory = kernels().room(outAt + 4 * inputRows * weightRows);
  const inputs = new Float32Array(memory, 0, inputRows * width);
  const weights = new Float32Array(memory, weightAt, weightRows * width);
  for (let row = 0; row < rows; row += inputRows) {
    const height = Math.min(inputRows, rows - row);
    putRows(x.subarray(row * inDim, (row + height) * inDim), inDim, inputs, width);
    for (let column = from; column < to; column += weightRows) {
      const count = Math.min(weightRows, to - column);
      putRows(weight.subarray(column * inDim, (column + count) * inDim), inDim, weights, width);
      const pitch = upTo(2, count);
      kernels().product(0, upTo(4, height), weightAt, pitch, 4 * width, outAt);
      const results = new Float32Array(memory, outAt, height * pitch);
      takeColumns(results, { pitch, count }, product, { row, column });
    }
  }
}

function upTo(multiple: number, size: number): number {
  return multiple * Math.ceil(size / multiple);
}

/** Rows of `size`, each followed by zeros up to `width`. */
function putRows(rows: Float32Array, size: number, out: Float32Array, width: number): void {
  if (size === width) return out.set(rows);
  for (let from = 0, at = 0; from < rows.length; from += size, at += width) {
    out.set(rows.subarray(from, from + size), at);
    out.fill(0, at + size, at + width);
  }
}

function takeColumns(
  results: Float32Array,
  { pitch, count }: { readonly pitch: number; readonly count: number },
  { out, outDim }: Product,
  { row, column }: { readonly row: number; readonly column: number },
): void {
  for (let from = 0, at = row * outDim + column; from < results.length; from += pitch) {
    out.set(results.subarray(from, from + count), at);
    at += outDim;
  }
}
