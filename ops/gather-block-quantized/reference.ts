// GatherBlockQuantized of com.microsoft on bytes, in double precision: rows of a table that is kept
// as codes of 4 or 8 bits, each block of a row with a scale of its own.

import type { RealTensor } from '../../src/op.ts';

export interface BlockTable {
  readonly bits: 4 | 8;
  /** Codes with one scale, a multiple of 16. */
  readonly blockSize: number;
  readonly blocks: number;
  /** [rows, blocks, blockSize * bits / 8]: the first code of a byte in its low bits. */
  readonly data: Uint8Array | RealTensor['data'];
  readonly scales: ArrayLike<number>; // [rows, blocks]
  /** [rows, blocks]: the code that means 0; the middle one where left out. */
  readonly zeroPoints?: ArrayLike<number> | undefined;
}

/** [indices, blocks * blockSize] */
export function reference(table: BlockTable, indices: ArrayLike<number>): Float64Array {
  const columns = table.blocks * table.blockSize;
  return Float64Array.from({ length: indices.length * columns }, (_, i) =>
    elementOf(table, indices[Math.floor(i / columns)] ?? 0, i % columns),
  );
}

function elementOf(table: BlockTable, row: number, column: number): number {
  const { bits, blockSize, blocks, data, scales, zeroPoints } = table;
  const place = row * blocks * blockSize + column;
  const byte = data[Math.floor((place * bits) / 8)] ?? Number.NaN;
  const code = bits === 8 ? byte : (byte >> (4 * (place % 2))) & 15;
  const block = row * blocks + Math.floor(column / blockSize);
  const zero = zeroPoints?.[block] ?? 2 ** (bits - 1);
  return (code - zero) * (scales[block] ?? Number.NaN);
}
