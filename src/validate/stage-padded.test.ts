import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columns, padded, withColumn } from './batch.ts';
import type { Row } from './prompt.ts';
import { pairs } from './stage-padded.ts';

function rows(...lengths: readonly number[]): readonly Row[] {
  return lengths.map((length, row) => ({
    prompt: {
      name: `p${row}`,
      inputIds: { dtype: 'int64', shape: [], data: new BigInt64Array() },
      attentionMask: { dtype: 'int64', shape: [], data: new BigInt64Array() },
    },
    row,
    ids: Array.from({ length }, (_, i) => BigInt(10 * (row + 1) + i)),
    start: 0,
    expected: new Map(),
  }));
}

test('every pair is unequal, and every row is in one unless all are equal', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 9 }), (lengths) => {
      const all = rows(...lengths);
      const made = pairs(all);
      for (const [short, long] of made) expect(short.ids.length).toBeLessThan(long.ids.length);
      const paired = new Set(made.flat());
      const unequal = new Set(lengths).size > 1;
      expect(paired.size).toBe(unequal ? all.length : 0);
    }),
  );
});

test('padding stands on the side that was asked for, after the cut', () => {
  const both = rows(2, 4);
  expect(padded(both, 'left', 0, 1)).toMatchObject({
    starts: [2, 0],
    counts: [1, 3],
    length: 3,
    ids: BigInt64Array.of(0n, 0n, 10n, 20n, 21n, 22n),
    mask: BigInt64Array.of(0n, 0n, 1n, 1n, 1n, 1n),
  });
  expect(padded(both, 'right', 7, 0)).toMatchObject({
    starts: [0, 0],
    ids: BigInt64Array.of(10n, 11n, 7n, 7n, 20n, 21n, 22n, 23n),
    mask: BigInt64Array.of(1n, 1n, 0n, 0n, 1n, 1n, 1n, 1n),
  });
});

test('columns are cut and added row by row', () => {
  const matrix = BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n);
  expect(columns(matrix, 3, 1, 3)).toEqual(BigInt64Array.of(2n, 3n, 5n, 6n));
  expect(withColumn(matrix, [7n, 8n])).toEqual(BigInt64Array.of(1n, 2n, 3n, 7n, 4n, 5n, 6n, 8n));
});
