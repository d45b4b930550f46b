import fc from 'fast-check';
import { expect, test } from 'vitest';
import { product } from './product.ts';

/** Small whole numbers, whose sums are exact in any order. */
function numbers(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => ((i * 7919 + seed) % 23) - 11);
}

const sizes = fc.record({
  rows: fc.integer({ min: 0, max: 7 }),
  inner: fc.integer({ min: 0, max: 9 }),
  columns: fc.integer({ min: 0, max: 70 }),
});

test('a product is the sum over the inner dimension, whatever the layout and the size', () => {
  fc.assert(
    fc.property(sizes, fc.nat(1000), fc.boolean(), (size, seed, transposed) => {
      const { rows, inner, columns } = size;
      const left = numbers(rows * inner, seed);
      const data = Float32Array.from(numbers(inner * columns, seed + 5));
      const row = transposed ? 1 : columns;
      const column = transposed ? inner : 1;
      const expected = Array.from({ length: rows * columns }, (_, at) => {
        const [m, n] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += (left[m * inner + k] ?? 0) * (data[k * row + n * column] ?? 0);
        }
        return sum;
      });
      expect([...product(left, { data, row, column }, size)]).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('sums keep double precision', () => {
  const left = Float64Array.of(1, 1e-12, -1);
  const right = { data: Float64Array.of(1, 1, 1), row: 1, column: 1 };
  const [sum = 0] = product(left, right, { rows: 1, inner: 3, columns: 1 });
  expect(Math.abs(sum - 1e-12)).toBeLessThan(1e-15);
});
