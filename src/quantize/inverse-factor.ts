// The factor of an inverse: for a symmetric positive H, the upper U with UᵀU = H⁻¹.
//
// H = R Rᵀ with an upper R, found from its last columns on; then U is the inverse of R, found from
// its last rows on. Row j of U says how an error in column j is spread over the columns behind it.
// Both go by panels, so that nearly all of the work is products.

import { ToolkitError } from '../base/errors.ts';
import { compensationKernels } from '../simd/kernels.ts';

/** Columns or rows of a panel: those within it go one by one. */
const panelSize = 32;

/** Columns that a product works on side by side. */
const lanes = 8;

/** The matrix in the kernels' memory, and room for the two sides of a product. */
interface Place {
  readonly size: number;
  /** Doubles from one row to the next; zeros stand behind each row. */
  readonly pitch: number;
  readonly values: Float64Array; // [size, pitch]
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** Puts U of H [size, size] into `out`; an error where H is not positive. */
export function inverseFactor(matrix: Float64Array, size: number, out: Float64Array): void {
  const place = placeOf(size);
  const { values, pitch } = place;
  values.fill(0);
  for (let row = 0; row < size; row++) {
    values.set(matrix.subarray(row * size + row, (row + 1) * size), row * pitch + row);
  }
  for (let to = size; to > 0; to -= panelSize) {
    const from = Math.max(0, to - panelSize);
    factorPanel(place, from, to);
    takeOffBefore(place, from, to);
  }
  for (let to = size; to > 0; to -= panelSize) {
    const from = Math.max(0, to - panelSize);
    takeOffBehind(place, from, to);
    invertPanel(place, from, to);
  }
  for (let row = 0; row < size; row++) {
    out.set(values.subarray(row * pitch, row * pitch + size), row * size);
  }
}

function placeOf(size: number): Place {
  const pitch = size + lanes;
  const [matrix, sides] = [(size + 1) * pitch, (panelSize + 1) * pitch];
  const memory = compensationKernels().room(8 * (matrix + 2 * sides));
  return {
    size,
    pitch,
    values: new Float64Array(memory, 0, matrix),
    left: new Float64Array(memory, 8 * matrix, sides),
    right: new Float64Array(memory, 8 * (matrix + sides), sides),
  };
}

/** Columns of R, of which those behind them are taken off already. */
function factorPanel({ values, pitch }: Place, from: number, to: number): void {
  for (let column = to - 1; column >= from; column--) {
    const own = column * pitch;
    for (let row = 0; row <= column; row++) {
      const at = row * pitch;
      let sum = values[at + column] ?? 0;
      for (let k = column + 1; k < to; k++) sum -= (values[at + k] ?? 0) * (values[own + k] ?? 0);
      values[at + column] = sum;
    }
    const pivot = Math.sqrt(values[own + column] ?? 0);
    if (!(pivot > 0)) {
      throw new ToolkitError('INTERNAL', 'sums of squares with damping are positive');
    }
    for (let row = 0; row < column; row++) {
      values[row * pitch + column] = (values[row * pitch + column] ?? 0) / pivot;
    }
    values[own + column] = pivot;
    values.fill(0, own, own + column); // products leave numbers below the diagonal
  }
}

/** Takes a panel's columns, times themselves, off the columns before them. */
function takeOffBefore({ values, pitch, left, right }: Place, from: number, to: number): void {
  const length = to - from;
  right.fill(0);
  for (let row = 0; row < from; row++) {
    for (let k = 0; k < length; k++) {
      const value = values[row * pitch + from + k] ?? 0;
      left[row * length + k] = value;
      right[k * pitch + row] = value;
    }
  }
  left.fill(0, from * length, (from + 1) * length);
  for (let row = 0; row < from; row += panelSize) {
    const rows = Math.min(panelSize, from - row);
    const at = left.byteOffset + 8 * row * length;
    spread(at, { rows, length }, right.byteOffset + 8 * row, pitch, {
      to: 8 * (row * pitch + row),
      columns: from - row,
    });
  }
}

/** Rows of R, times the rows of U behind them: what the panel's own inverse is still to multiply. */
function takeOffBehind({ values, pitch, size, left }: Place, from: number, to: number): void {
  const length = size - to;
  if (length === 0) return;
  for (let row = from; row < to; row++) {
    const behind = values.subarray(row * pitch + to, row * pitch + size);
    left.set(behind, (row - from) * length);
    behind.fill(0);
  }
  left.fill(0, (to - from) * length, (to - from + 1) * length);
  spread(left.byteOffset, { rows: to - from, length }, 8 * (to * pitch + to), pitch, {
    to: 8 * (from * pitch + to),
    columns: length,
  });
}

/** Rows of U, by the inverse of their panel of R. */
function invertPanel({ values, pitch, size }: Place, from: number, to: number): void {
  for (let row = to - 1; row >= from; row--) {
    const at = row * pitch;
    const pivot = 1 / (values[at + row] ?? 0);
    const own = values.slice(at + row + 1, at + to);
    values.fill(0, at + row, at + to);
    // row of U = (unit row - Σ r[row, k] · row k of U) / pivot
    for (const [i, factor] of own.entries()) {
      const other = (row + 1 + i) * pitch;
      for (let k = row + 1 + i; k < size; k++) {
        values[at + k] = (values[at + k] ?? 0) - factor * (values[other + k] ?? 0);
      }
    }
    for (let k = row + 1; k < size; k++) values[at + k] = (values[at + k] ?? 0) * pivot;
    values[at + row] = pivot;
  }
}

/** Takes a product off; where rows are odd in number, the left side has a row of zeros behind it. */
function spread(
  left: number,
  { rows, length }: { readonly rows: number; readonly length: number },
  right: number,
  pitch: number,
  { to, columns }: { readonly to: number; readonly columns: number },
): void {
  const [evenRows, width] = [2 * Math.ceil(rows / 2), lanes * Math.ceil(columns / lanes)];
  compensationKernels().spread(left, evenRows, length, right, 8 * pitch, width, to, 8 * pitch);
}
