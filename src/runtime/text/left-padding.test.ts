import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchesOf, leftMask, leftPadded } from './left-padding.ts';

test('rows end in the last column, behind padding that is masked', () => {
  expect(leftPadded([[1], [2, 3, 4], [5, 6]], 9)).toEqual({
    length: 3,
    ids: BigInt64Array.of(9n, 9n, 1n, 2n, 3n, 4n, 9n, 5n, 6n),
  });
  expect(leftMask([1, 3, 2], 4)).toEqual(
    BigInt64Array.of(0n, 0n, 0n, 1n, 0n, 1n, 1n, 1n, 0n, 0n, 1n, 1n),
  );
});

test('batches hold all rows in order, and none is larger than allowed but a row alone', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 60 }), (rows, most) => {
      const batches = batchesOf(rows, (length) => length, most);
      expect(batches.flat()).toEqual(rows);
      const sizes = batches
        .filter(({ length }) => length > 1)
        .map((b) => b.length * Math.max(...b));
      expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(most);
    }),
  );
});
