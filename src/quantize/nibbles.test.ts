import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packNibbles } from './nibbles.ts';

test('packed codes come back, each run from a byte of its own', () => {
  const runs = fc
    .integer({ min: 1, max: 9 })
    .chain((length) =>
      fc.array(fc.array(fc.nat(15), { minLength: length, maxLength: length }), { minLength: 1 }),
    );
  fc.assert(
    fc.property(runs, (list) => {
      const length = list[0]?.length ?? 0;
      const packed = packNibbles(Uint8Array.from(list.flat()), length);
      const bytes = Math.ceil(length / 2);
      expect(packed).toHaveLength(list.length * bytes);
      const back = list.map((_, run) =>
        Array.from({ length }, (_unused, i) => {
          const byte = packed[run * bytes + (i >> 1)] ?? 0;
          return i % 2 === 0 ? byte & 15 : byte >> 4;
        }),
      );
      expect(back).toEqual(list);
    }),
  );
});

test('the half of a byte that no code fills is zero', () => {
  expect([...packNibbles(Uint8Array.of(1, 2, 3), 3)]).toEqual([0x21, 0x03]);
});
