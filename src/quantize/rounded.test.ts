import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockRows } from './block-rows.ts';
import { RoundedRows, weightKey } from './rounded.ts';

const schemes = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32),
  symmetric: fc.boolean(),
});

test('rows that were rounded tensor by tensor come out as those rounded together', () => {
  fc.assert(
    fc.property(
      schemes,
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 70 }),
      (scheme, heights, columns) => {
        const rows = heights.reduce((sum, height) => sum + height, 0);
        const whole = new BlockRows(scheme, { rows, columns });
        const tensors = heights.map((height, index) => {
          const weights = Float32Array.from({ length: height * columns }, (_, i) => {
            return Math.sin(i * 1.7 + index);
          });
          const own = new BlockRows(scheme, { rows: height, columns });
          const codes = own.add(weights, 'w').slice();
          return { name: `w${index}`, weights, codes, scales: own.scales, zeros: own.zeros };
        });
        const stacked = new RoundedRows(
          scheme,
          columns,
          new Map(tensors.map((tensor) => [tensor.name, tensor])),
        );
        for (const { name, weights } of tensors) {
          const expected = whole.add(weights, name).slice();
          const first = stacked.add(weights.subarray(0, columns), name);
          const rest = stacked.add(weights.subarray(columns), name);
          expect([...first, ...rest]).toEqual([...expected]);
        }
        expect(stacked.scales).toEqual(whole.scales);
        for (const everyRow of [true, false]) {
          expect(stacked.packedZeros(everyRow)).toEqual(whole.packedZeros(everyRow));
        }
      },
    ),
  );
});

test('the key of a tensor tells schemes apart', () => {
  const scheme = { bits: 4, blockSize: 32, symmetric: true } as const;
  const keys = [scheme, { ...scheme, bits: 8 } as const, { ...scheme, symmetric: false }].map(
    (each) => weightKey(each, 'w'),
  );
  expect(new Set(keys).size).toBe(3);
});
