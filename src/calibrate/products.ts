// The product of activations with a weight as checkpoints keep it, [out, in], in single precision
// with sums in double. Every sum runs over the inputs in order, so that any cut of the work gives
// the same numbers.

/** Columns `from` to `to` of x [rows, in] · weightᵀ [in, out], written into `out` [rows, out]. */
export function productColumns(
  { x, rows, weight, inDim, outDim, out }: Product,
  from: number,
  to: number,
): void {
  const wholeRows = rows - (rows % 4);
  const wholeTo = to - ((to - from) % 2);
  for (let column = from; column < wholeTo; column += 2) {
    const w0 = column * inDim;
    for (let row = 0; row < wholeRows; row += 4) {
      block(x, row * inDim, weight, w0, inDim, outDim, out, row * outDim + column);
    }
    for (let row = wholeRows; row < rows; row++) {
      out[row * outDim + column] = dot(x, row * inDim, weight, w0, inDim);
      out[row * outDim + column + 1] = dot(x, row * inDim, weight, w0 + inDim, inDim);
    }
  }
  if (wholeTo === to) return;
  for (let row = 0; row < rows; row++) {
    out[row * outDim + wholeTo] = dot(x, row * inDim, weight, wholeTo * inDim, inDim);
  }
}

export interface Product {
  readonly x: Float32Array; // [rows, in]
  readonly rows: number;
  readonly weight: Float32Array; // [out, in]
  readonly inDim: number;
  readonly outDim: number;
  readonly out: Float32Array; // [rows, out]
}

function block(
  x: Float32Array,
  x0: number,
  weight: Float32Array,
  w0: number,
  inDim: number,
  outDim: number,
  out: Float32Array,
  at: number,
): void {
  const x1 = x0 + inDim;
  const x2 = x1 + inDim;
  const x3 = x2 + inDim;
  const w1 = w0 + inDim;
  let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < inDim; i++) {
    const a = weight[w0 + i] ?? 0;
    const b = weight[w1 + i] ?? 0;
    let value = x[x0 + i] ?? 0;
    s00 += value * a;
    s01 += value * b;
    value = x[x1 + i] ?? 0;
    s10 += value * a;
    s11 += value * b;
    value = x[x2 + i] ?? 0;
    s20 += value * a;
    s21 += value * b;
    value = x[x3 + i] ?? 0;
    s30 += value * a;
    s31 += value * b;
  }
  out[at] = s00;
  out[at + 1] = s01;
  out[at + outDim] = s10;
  out[at + outDim + 1] = s11;
  out[at + 2 * outDim] = s20;
  out[at + 2 * outDim + 1] = s21;
  out[at + 3 * outDim] = s30;
  out[at + 3 * outDim + 1] = s31;
}

function dot(x: Float32Array, x0: number, weight: Float32Array, w0: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (x[x0 + i] ?? 0) * (weight[w0 + i] ?? 0);
  return sum;
}
