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

function factorOf(matrix: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  inverseFactor(matrix, size, out);
  return out;
}

/** The largest distance of Uᵀ U H from the identity. */
function distance(u: Float64Array, h: Float64Array, size: number): number {
  const product = (left: (i: number, k: number) => number, right: Float64Array): Float64Array =>
    Float64Array.from({ length: size * size }, (_, at) => {
      const [row, column] = [Math.floor(at / size), at % size];
      let sum = 0;
      for (let k = 0; k < size; k++) sum += left(row, k) * (right[k * size + column] ?? 0);
      return sum;
    });
  const inner = product((row, k) => u[row * size + k] ?? 0, h);
  const whole = product((row, k) => u[k * size + row] ?? 0, inner);
  return whole.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - Number(at % (size + 1) === 0))),
    0,
  );
}

test('the factor is upper, and times its own transpose and the matrix it is the identity', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(100), (size, seed) => {
      const h = positive(size, seed);
      const u = factorOf(h, size);
      for (let i = 0; i < size; i++) {
        expect(u[i * size + i]).toBeGreaterThan(0);
        expect(u.subarray(i * size, i * size + i).every((value) => value === 0)).toBe(true);
      }
      expect(distance(u, h, size)).toBeLessThan(1e-8);
    }),
    { numRuns: 30 },
  );
});

test('a matrix that is not positive is an error', () => {
  expect(() => factorOf(Float64Array.of(1, 2, 2, 1), 2)).toThrow(/positive/);
  expect(() => factorOf(Float64Array.of(Number.NaN), 1)).toThrow(/positive/);
});
