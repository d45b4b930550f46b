// Codes of one a byte in the layout of MatMulNBits.

import type { BlockScheme } from '../ir/graph.ts';

/** Codes of whole blocks, packed where two share a byte. */
export function packCodes(codes: Uint8Array, { bits }: BlockScheme): Uint8Array {
  if (bits === 8) return codes;
  return Uint8Array.from({ length: codes.length / 2 }, (_, i) => {
    return (codes[2 * i] ?? 0) | ((codes[2 * i + 1] ?? 0) << 4);
  });
}
