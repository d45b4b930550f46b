// Rows of a file, one right behind the other → the same rows on the GPU, where each begins at its
// pitch. Rows of four bits with an odd number of elements share bytes in the file, and none there.

import { packNibbles, unpackNibbles } from '../../quantize/nibbles.ts';
import type { Placement } from './placement.ts';

/** The first `rows` rows of `bytes`, with zeros behind each. */
export function spreadRows(
  bytes: Uint8Array,
  { rowBytes, pitch }: Pick<Placement, 'rowBytes' | 'pitch'>,
  rows: number,
): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(rowBytes)) {
    const length = 2 * rowBytes;
    return packNibbles(unpackNibbles(bytes, rows * length), length);
  }
  const apart = new Uint8Array(rows * pitch);
  for (let row = 0; row < rows; row++) {
    apart.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), row * pitch);
  }
  return apart;
}
