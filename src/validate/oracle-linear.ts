// The product of activations with a weight as PyTorch keeps it, [out, in]: where the oracle's time
// goes. Plain loops in double precision that hold a block of 4 × 2 sums in registers.

/** Multiplies `x` [rows, in] with `weight` [out, in] transposed; the result is [rows, out]. */
export type Linear = (
  x: Float64Array,
  rows: number,
  weight: Float32Array,
  inDim: number,
  outDim: number,
) => Promise<Float64Array>;

/** The whole product on the calling thread. */
export const linear: Linear = (x, rows, weight, inDim, outDim) => {
  const out = new Float64Array(rows * outDim);
  linearRange(x, rows, weight, inDim, outDim, 0, outDim, out);
  return Promise.resolve(out);
};

/** Columns `from` to `to` of the product, written into `out` [rows, out]; threads share it so. */
export function linearRange(
  x: Float64Array,
  rows: number,
  weight: Float32Array,
  inDim: number,
  outDim: number,
  from: number,
  to: number,
  out: Float64Array,
): void {
  const blockRows = rows - (rows % 4);
  const blockTo = to - ((to - from) % 2);
  for (let column = from; column < blockTo; column += 2) {
    for (let row = 0; row < blockRows; row += 4) {
      block(x, row, weight, column, inDim, outDim, out);
    }
    for (let row = blockRows; row < rows; row++) {
      out[row * outDim + column] = dot(x, row * inDim, weight, column * inDim, inDim);
      out[row * outDim + column + 1] = dot(x, row * inDim, weight, (column + 1) * inDim, inDim);
    }
  }
  if (blockTo === to) return;
  for (let row = 0; row < rows; row++) {
    out[row * outDim + blockTo] = dot(x, row * inDim, weight, blockTo * inDim, inDim);
  }
}

function block(
  x: Float64Array,
  row: number,
  weight: Float32Array,
  column: number,
  inDim: number,
  outDim: number,
  out: Float64Array,
): void {
  const x0 = row * inDim;
  const x1 = x0 + inDim;
  const x2 = x1 + inDim;
  const x3 = x2 + inDim;
  const w0 = column * inDim;
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
  let at = row * outDim + column;
  for (const [first, second] of [
    [s00, s01],
    [s10, s11],
    [s20, s21],
    [s30, s31],
  ] as const) {
    out[at] = first;
    out[at + 1] = second;
    at += outDim;
  }
}

function dot(
  x: Float64Array,
  xAt: number,
  weight: Float32Array,
  wAt: number,
  size: number,
): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    s0 += (x[xAt + i] ?? 0) * (weight[wAt + i] ?? 0);
    s1 += (x[xAt + i + 1] ?? 0) * (weight[wAt + i + 1] ?? 0);
    s2 += (x[xAt + i + 2] ?? 0) * (weight[wAt + i + 2] ?? 0);
    s3 += (x[xAt + i + 3] ?? 0) * (weight[wAt + i + 3] ?? 0);
  }
  for (; i < size; i++) s0 += (x[xAt + i] ?? 0) * (weight[wAt + i] ?? 0);
  return s0 + s1 + s2 + s3;
}
