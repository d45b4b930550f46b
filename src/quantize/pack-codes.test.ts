import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BlockScheme } from '../ir/graph.ts';
import { unpackNibbles } from './nibbles.ts';
import { packCodes } from './pack-codes.ts';

const scheme = (bits: 4 | 8): BlockScheme => ({ bits, blockSize: 16, symmetric: false });

/** As many codes as one likes, also an odd number of them. */
const codesOf = (bits: 4 | 8): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength: 300, max: 2 ** bits - 1 });

test('codes of four bits come back from bytes of two, the first in the low half', () => {
  fc.assert(
    fc.property(codesOf(4), (codes) => {
      const packed = packCodes(codes, scheme(4));
      expect(packed).toHaveLength(Math.ceil(codes.length / 2));
      expect(unpackNibbles(packed, codes.length)).toEqual(codes);
      expect([...packed].map((byte) => byte & 15)).toEqual(
        [...codes].filter((_, i) => i % 2 === 0),
      );
    }),
  );
});

test('bytes of two codes come back from their codes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), (packed) => {
      expect(packCodes(unpackNibbles(packed, 2 * packed.length), scheme(4))).toEqual(packed);
    }),
  );
});

test('codes of eight bits are the bytes', () => {
  fc.assert(
    fc.property(codesOf(8), (codes) => {
      expect([...packCodes(codes.slice(), scheme(8))]).toEqual([...codes]);
    }),
  );
});
