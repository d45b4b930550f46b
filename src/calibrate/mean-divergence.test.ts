import { expect, test } from 'vitest';
import { meanOf } from './mean-divergence.ts';

/** So many times each value. */
const runs = (...parts: readonly (readonly [value: number, count: number])[]): Float64Array =>
  Float64Array.from(parts.flatMap(([value, count]) => Array.from({ length: count }, () => value)));

test('tokens that stand together are one observation, within their text', () => {
  const texts = [new Int32Array(128), new Int32Array(96), new Int32Array(10)];
  const values = runs([1, 64], [3, 64], [2, 64], [6, 32], [0, 10]);
  const kl = (64 + 3 * 64 + 2 * 64 + 6 * 32) / 234;
  const squares = [1, 3, 2, 6, 0].reduce((sum, mean) => sum + (mean - kl) ** 2, 0);
  const found = meanOf(values, texts);
  expect(found.kl).toBeCloseTo(kl, 12);
  expect(found.standardError).toBeCloseTo(Math.sqrt(squares / 4 / 5), 12);
});

test('one observation tells nothing of others', () => {
  expect(meanOf(runs([2, 64]), [new Int32Array(64)])).toEqual({ kl: 2, standardError: 2 });
});
