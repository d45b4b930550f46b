// Codes of one a byte in the layout of MatMulNBits.

import type { BlockScheme } from '../ir/graph.ts';
import { packNibbles } from './nibbles.ts';

/** Codes of whole blocks, packed where two share a byte. */
export function packCodes(codes: Uint8Array, { bits }: BlockScheme): Uint8Array {
  return bits === 8 ? codes : packNibbles(codes, codes.length);
}
