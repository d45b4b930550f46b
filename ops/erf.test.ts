import { expect, test } from 'vitest';
import { erf } from './erf.ts';

test.each([
  [0, 0],
  [1e-300, 1.1283791670955126e-300],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.9999999, 0.9953222629522538],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [5.5, 0.9999999999999927],
  [6, 1],
  [Number.POSITIVE_INFINITY, 1],
])('erf(%s) is %s, and odd', (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-15);
  expect(erf(-x)).toBe(-erf(x));
});

test('what is not a number stays so', () => {
  expect(erf(Number.NaN)).toBeNaN();
});
