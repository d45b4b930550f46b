import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inverseFactor } from './inverse-factor.ts';

/** A symmetric positive matrix: B Bᵀ and a half on the diagonal. */
function positive(size: number, seed: number): Float64Array {
  const b = Float64Array.from({ length: size * size }, (_, i) => Math.sin(12.9898 * i + seed));
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    let sum = row === column ? 0.5 : 0;
    for (let k = 0; k < size; k++) sum += (b[row * size + k] ?? 0) * (b[column * size + k] ?? 0);
    return sum;
  });
}

test('the factor is upper, and times its own transpose and the matrix it is the identity', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.nat(100), (size, seed) => {
      const h = positive(size, seed);
      const u = inverseFactor(h, size);
      for (let i = 0; i < size; i++) {
        expect(u[i * size + i]).toBeGreaterThan(0);
        for (let j = 0; j < i; j++) expect(u[i * size + j]).toBe(0);
        for (let j = 0; j < size; j++) {
          let sum = 0;
          for (let k = 0; k < size; k++) {
            for (let l = 0; l < size; l++) {
              sum += (u[k * size + i] ?? 0) * (u[k * size + l] ?? 0) * (h[l * size + j] ?? 0);
            }
          }
          expect(sum).toBeCloseTo(i === j ? 1 : 0, 8);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('a matrix that is not positive is an error', () => {
  expect(() => inverseFactor(Float64Array.of(1, 2, 2, 1), 2)).toThrow(/positive/);
  expect(() => inverseFactor(Float64Array.of(Number.NaN), 1)).toThrow(/positive/);
});
