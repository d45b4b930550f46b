// The factor of an inverse: for a symmetric positive H, the upper U with UᵀU = H⁻¹.
//
// H = R Rᵀ with an upper R, found from its last column on; then U is the inverse of R. Row j of U
// says how an error in column j is spread over the columns behind it.

import { ToolkitError } from '../base/errors.ts';

/** U of H [size, size], or an error where H is not positive. */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array {
  return invertUpper(upperFactor(matrix, size), size);
}

/** R of H = R Rᵀ. */
function upperFactor(matrix: Float64Array, size: number): Float64Array {
  const r = new Float64Array(size * size);
  for (let column = size - 1; column >= 0; column--) {
    for (let row = 0; row <= column; row++) {
      const at = row * size;
      r[at + column] = (matrix[at + column] ?? 0) - tailProduct(r, row, column, size);
    }
    const pivot = Math.sqrt(r[column * size + column] ?? 0);
    if (!(pivot > 0)) {
      throw new ToolkitError('INTERNAL', 'sums of squares with damping are positive');
    }
    for (let row = 0; row < column; row++)
      r[row * size + column] = (r[row * size + column] ?? 0) / pivot;
    r[column * size + column] = pivot;
  }
  return r;
}

/** Σ r[row, k] r[column, k] over k > column. */
function tailProduct(r: Float64Array, row: number, column: number, size: number): number {
  let [even, odd] = [0, 0];
  const shift = (column - row) * size;
  const end = (row + 1) * size;
  let at = row * size + column + 1;
  for (; at + 1 < end; at += 2) {
    even += (r[at] ?? 0) * (r[at + shift] ?? 0);
    odd += (r[at + 1] ?? 0) * (r[at + 1 + shift] ?? 0);
  }
  if (at < end) even += (r[at] ?? 0) * (r[at + shift] ?? 0);
  return even + odd;
}

function invertUpper(r: Float64Array, size: number): Float64Array {
  const u = new Float64Array(size * size);
  for (let row = size - 1; row >= 0; row--) {
    const at = row * size;
    const pivot = 1 / (r[at + row] ?? 0);
    // row of U = (unit row - Σ r[row, k] · row k of U) / pivot
    for (let k = row + 1; k < size; k++) {
      const factor = r[at + k] ?? 0;
      const from = k * size;
      for (let i = k; i < size; i++) u[at + i] = (u[at + i] ?? 0) - factor * (u[from + i] ?? 0);
    }
    for (let i = row + 1; i < size; i++) u[at + i] = (u[at + i] ?? 0) * pivot;
    u[at + row] = pivot;
  }
  return u;
}
