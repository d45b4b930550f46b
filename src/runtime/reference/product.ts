// The product of two matrices: where the time goes. The right side is packed, a slab of columns at a
// time, into panels of four columns that lie side by side in the order in which they are read; a
// block of 2 × 4 sums then stays in registers along the inner dimension. A single row, the step of a
// decoder, reads the right side once and as it is.

import type { Numbers } from './value.ts';

/** The right side of a product: element (k, n) lies at k · row + n · column. */
export interface Right {
  readonly data: Numbers;
  readonly row: number;
  readonly column: number;
}

export interface Sizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

const panel = 4;
const slabColumns = 32;

/** left [rows, inner] · right [inner, columns], [rows, columns]. */
export function product(left: Float64Array, right: Right, sizes: Sizes): Float64Array {
  const { rows, inner, columns } = sizes;
  if (rows === 1) return right.column === 1 ? rowSum(left, right, sizes) : dots(left, right, sizes);
  const out = new Float64Array(rows * columns);
  const slab = new Float64Array(inner * slabColumns);
  const sums = new Float64Array(2 * panel);
  for (let column = 0; column < columns; column += slabColumns) {
    const width = Math.min(slabColumns, columns - column);
    pack(right, column, width, inner, slab);
    for (let j = 0; j < width; j += panel) {
      const filled = Math.min(panel, width - j);
      for (let row = 0; row < rows; row += 2) {
        const second = Math.min(row + 1, rows - 1); // the last row of an odd number, twice
        sumBlock(left, row * inner, second * inner, slab, j * inner, inner, sums);
        const to = column + j;
        for (let i = 0; i < filled; i++) {
          out[row * columns + to + i] = sums[i] ?? 0;
          out[second * columns + to + i] = sums[(second - row) * panel + i] ?? 0;
        }
      }
    }
  }
  return out;
}

/** Columns `from` to `from + width` as panels; the inner loop runs along memory. */
function pack(right: Right, from: number, width: number, inner: number, slab: Float64Array): void {
  const { data, row, column } = right;
  const put = (k: number, j: number): void => {
    const to = (j - (j % panel)) * inner + k * panel + (j % panel);
    slab[to] = data[k * row + (from + j) * column] ?? 0;
  };
  if (column === 1) {
    for (let k = 0; k < inner; k++) for (let j = 0; j < width; j++) put(k, j);
  } else {
    for (let j = 0; j < width; j++) for (let k = 0; k < inner; k++) put(k, j);
  }
}

/** Two rows times four columns. */
function sumBlock(
  x: Float64Array,
  first: number,
  second: number,
  slab: Float64Array,
  from: number,
  inner: number,
  sums: Float64Array,
): void {
  let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0, w = from; k < inner; k++, w += panel) {
    const a = x[first + k] ?? 0;
    const b = x[second + k] ?? 0;
    let weight = slab[w] ?? 0;
    a0 += a * weight;
    b0 += b * weight;
    weight = slab[w + 1] ?? 0;
    a1 += a * weight;
    b1 += b * weight;
    weight = slab[w + 2] ?? 0;
    a2 += a * weight;
    b2 += b * weight;
    weight = slab[w + 3] ?? 0;
    a3 += a * weight;
    b3 += b * weight;
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
}

// Blocks of these two may reach past the end, where arrays read as nothing and ignore what is put.

/** One row times columns that lie side by side: the sum of the right side's rows, two at a time. */
function rowSum(x: Float64Array, { data, row }: Right, { inner, columns }: Sizes): Float64Array {
  const out = new Float64Array(columns);
  for (let k = 0; k < inner; k += 2) {
    const [a, b] = [x[k] ?? 0, x[k + 1] ?? 0];
    const [first, second] = [k * row, (k + 1) * row];
    for (let n = 0; n < columns; n++) {
      const sum = a * (data[first + n] ?? 0) + b * (data[second + n] ?? 0);
      out[n] = (out[n] ?? 0) + sum;
    }
  }
  return out;
}

/** One row times columns that lie one after the other, four at a time. */
function dots(x: Float64Array, right: Right, { inner, columns }: Sizes): Float64Array {
  const { data, row, column } = right;
  const out = new Float64Array(columns);
  for (let n = 0; n < columns; n += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let k = 0, at = n * column; k < inner; k++, at += row) {
      const value = x[k] ?? 0;
      a += value * (data[at] ?? 0);
      b += value * (data[at + column] ?? 0);
      c += value * (data[at + 2 * column] ?? 0);
      d += value * (data[at + 3 * column] ?? 0);
    }
    out[n] = a;
    out[n + 1] = b;
    out[n + 2] = c;
    out[n + 3] = d;
  }
  return out;
}
