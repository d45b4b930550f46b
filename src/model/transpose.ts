// Matrix transposition into a part of a wider matrix.

/** Square tiles this wide stay in the first-level cache on both sides. */
const tile = 32;

/** Rows taken at once: each line of the target that is touched is written four numbers wide. */
const group = 4;

export interface TransposeTarget {
  readonly out: Float32Array; // [columns kept, stride]
  readonly stride: number;
  /** Column of `out` that the first row of the source becomes. */
  readonly column: number;
}

/**
 * out[c - from, column + r] = source[r, c] for the columns `from` to `to` of a row-major source
 * [rows, width].
 */
export function transposeInto(
  source: Float32Array,
  rows: number,
  width: number,
  { from, to }: { readonly from: number; readonly to: number },
  { out, stride, column }: TransposeTarget,
): void {
  for (let r0 = 0; r0 < rows; r0 += tile) {
    const r1 = Math.min(r0 + tile, rows);
    for (let c0 = from; c0 < to; c0 += tile) {
      const c1 = Math.min(c0 + tile, to);
      let r = r0;
      for (; r + group <= r1; r += group) {
        let at = (c0 - from) * stride + column + r;
        let read = r * width + c0;
        for (let c = c0; c < c1; c++) {
          out[at] = source[read] ?? 0;
          out[at + 1] = source[read + width] ?? 0;
          out[at + 2] = source[read + 2 * width] ?? 0;
          out[at + 3] = source[read + 3 * width] ?? 0;
          at += stride;
          read += 1;
        }
      }
      for (; r < r1; r++) {
        for (let c = c0; c < c1; c++) {
          out[(c - from) * stride + column + r] = source[r * width + c] ?? 0;
        }
      }
    }
  }
}
