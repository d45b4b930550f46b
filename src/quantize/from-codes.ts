// Codes in the layout of MatMulNBits as the weights that a runtime computes with.

import type { BlockScheme } from '../ir/graph.ts';

/** Rows of codes, and what they are counted by. */
export interface CodeRows {
  readonly scheme: BlockScheme;
  readonly columns: number;
  readonly codes: Uint8Array; // [rows, blocks, bytes of a block]
  readonly scales: Float32Array; // [rows, blocks]
  /** One a byte. */
  readonly zeros: Uint8Array; // [rows, blocks]
}

/** Fills `out` [rows, columns] with the weights that codes mean. */
export function fromCodes(
  { scheme, columns, codes, scales, zeros }: CodeRows,
  out: Float32Array,
): void {
  const { bits, blockSize } = scheme;
  const bytes = (blockSize * bits) / 8;
  let block = 0;
  for (let row = 0; row < out.length; row += columns) {
    for (let from = 0; from < columns; from += blockSize, block++) {
      const length = Math.min(blockSize, columns - from);
      const [scale, zero, first] = [scales[block] ?? 0, zeros[block] ?? 0, block * bytes];
      for (let i = 0; i < length; i++) {
        const code =
          bits === 8
            ? (codes[first + i] ?? 0)
            : ((codes[first + (i >> 1)] ?? 0) >> (4 * (i & 1))) & 15;
        out[row + from + i] = (code - zero) * scale;
      }
    }
  }
}
