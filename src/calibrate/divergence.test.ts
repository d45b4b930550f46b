import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Divergence } from './divergence.ts';

const [positions, vocabulary] = [3, 11];

const logits = fc
  .array(fc.double({ min: -60, max: 60, noNaN: true }), {
    minLength: positions * vocabulary,
    maxLength: positions * vocabulary,
  })
  .map((values) => Float32Array.from(values));

const row = (values: Float32Array, at: number): readonly number[] => [
  ...values.subarray(at * vocabulary, (at + 1) * vocabulary),
];

/** Σ p (log p - log q) with all logits of a position at hand. */
function plain(a: readonly number[], b: readonly number[]): number {
  const logs = (values: readonly number[]): readonly number[] => {
    const peak = Math.max(...values);
    const sum = values.reduce((total, value) => total + Math.exp(value - peak), 0);
    return values.map((value) => value - peak - Math.log(sum));
  };
  const [p, q] = [logs(a), logs(b)];
  return p.reduce((total, log, i) => total + Math.exp(log) * (log - (q[i] ?? 0)), 0);
}

/** Logits `from` to `to` of every position. */
const columns = (values: Float32Array, from: number, to: number): Float32Array =>
  Float32Array.from(
    Array.from({ length: positions }, (_, at) => row(values, at).slice(from, to)).flat(),
  );

test('logits that come in parts give what all of them give', () => {
  fc.assert(
    fc.property(
      logits,
      logits,
      logits,
      fc.integer({ min: 1, max: vocabulary }),
      (a, b, c, step) => {
        const found = new Divergence(positions, 2);
        for (let from = 0; from < vocabulary; from += step) {
          const to = Math.min(from + step, vocabulary);
          const parts = [b, c].map((values) => columns(values, from, to));
          found.add(0, to - from, columns(a, from, to), parts);
        }
        for (const [index, other] of [b, c].entries()) {
          for (let at = 0; at < positions; at++) {
            const expected = plain(row(a, at), row(other, at));
            expect(found.found[index]?.[at]).toBeCloseTo(expected, 8);
          }
        }
      },
    ),
  );
});

test('what is not finite is infinitely far', () => {
  const found = new Divergence(1, 1);
  found.add(0, 2, Float32Array.of(1, 2), [Float32Array.of(1, Number.NaN)]);
  expect(found.found).toEqual([Float64Array.of(Number.POSITIVE_INFINITY)]);
});
