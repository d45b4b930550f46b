import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestTwo, Comparison, divergence, logSoftmax, scaleOf, type Metrics } from './metrics.ts';

const logits = fc.float32Array({ minLength: 2, maxLength: 9, noNaN: true, min: -80, max: 80 });
const pairOfLogits = fc
  .integer({ min: 2, max: 9 })
  .chain((length) =>
    fc.tuple(
      ...[0, 1].map(() =>
        fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -80, max: 80 }),
      ),
    ),
  );

function measure(
  pairs: readonly (readonly [expected: readonly number[], actual: readonly number[]])[],
  next?: readonly (number | undefined)[],
): Metrics {
  const comparison = new Comparison({ scale: 2, logits: true, nearTieFactor: 2 });
  for (const [position, [expected, actual]] of pairs.entries()) {
    comparison.add(Float32Array.from(expected), Float32Array.from(actual), {
      row: 1,
      position,
      next: next?.[position],
    });
  }
  return comparison.metrics;
}

test('KL divergence is never negative', () => {
  fc.assert(
    fc.property(pairOfLogits, ([a = new Float32Array(), b = new Float32Array()]) => {
      expect(divergence(logSoftmax(a), logSoftmax(b))).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('KL divergence of a distribution from itself is zero', () => {
  fc.assert(
    fc.property(logits, (values) => {
      expect(divergence(logSoftmax(values), logSoftmax(values))).toBe(0);
    }),
  );
});

test('KL divergence does not see a shift of all logits', () => {
  fc.assert(
    fc.property(logits, fc.integer({ min: -1000, max: 1000 }), (values, shift) => {
      const doubles = Float64Array.from(values, (value) => Math.fround(value));
      const shifted = Float32Array.from(doubles, (value) => Math.round(value) + shift);
      const rounded = Float32Array.from(doubles, Math.round);
      expect(divergence(logSoftmax(rounded), logSoftmax(shifted))).toBeCloseTo(0, 12);
    }),
  );
});

test('probabilities add up to one, far logits included', () => {
  fc.assert(
    fc.property(logits, (values) => {
      const sum = logSoftmax(values).reduce((total, log) => total + Math.exp(log), 0);
      expect(sum).toBeCloseTo(1, 12);
    }),
  );
  expect([...logSoftmax(Float32Array.of(3e38, 0))]).toEqual([0, -3e38].map(Math.fround));
});

test('divergence, differences and perplexity are what a hand computes', () => {
  // p = (1/2, 1/2), q = (1/4, 3/4): KL = ln 2 - ln(3) / 2
  const metrics = measure(
    [
      [
        [0, 0],
        [0, Math.log(3)],
      ],
    ],
    [0],
  );
  expect(metrics).toMatchObject({
    positions: 1,
    scale: 2,
    worst: { row: 1, position: 0, index: 1 },
  });
  expect(metrics.kl?.mean).toBeCloseTo(Math.log(2) - Math.log(3) / 2, 6);
  expect(metrics.kl?.max).toBe(metrics.kl?.mean);
  expect(metrics.maxDifference).toBeCloseTo(Math.log(3), 6);
  expect(metrics.meanDifference).toBeCloseTo(Math.log(3) / 2, 6);
  expect(metrics.perplexity?.tokens).toBe(1);
  expect(metrics.perplexity?.expected).toBeCloseTo(2, 12);
  expect(metrics.perplexity?.actual).toBeCloseTo(4, 6);
});

test('means are over positions, and the worst position is named', () => {
  const metrics = measure([
    [
      [0, 0],
      [0, 0],
    ],
    [
      [0, 0],
      [0, -Math.log(3)],
    ],
    [
      [1, 5],
      [1, 5],
    ],
  ]);
  expect(metrics.positions).toBe(3);
  expect(metrics.kl?.mean).toBeCloseTo((metrics.kl?.max ?? 0) / 3, 12);
  expect(metrics.worst).toEqual({ row: 1, position: 1, index: 1 });
  expect(metrics.perplexity).toBeUndefined();
});

test('a flipped choice counts unless the golden itself hardly prefers one', () => {
  const same: readonly [readonly number[], readonly number[]] = [
    [0, 4, 0, 0],
    [0, 4, 0, 0],
  ];
  // mean difference: 2 / 12 = 1/6, so a tie is closer than 1/3
  const close = measure([
    same,
    same,
    [
      [1, 1.25, 0, 0],
      [2, 0.25, 0, 0],
    ],
  ]);
  expect(close.top1).toEqual({ agreed: 2, decided: 2, nearTies: 1 });
  const clear = measure([
    same,
    same,
    [
      [1, 1.5, 0, 0],
      [2, 0.5, 0, 0],
    ],
  ]);
  expect(clear.top1).toEqual({ agreed: 2, decided: 3, nearTies: 0 });
});

test('equal best logits agree when nothing differs', () => {
  expect(
    measure([
      [
        [1, 1],
        [1, 1],
      ],
    ]).top1,
  ).toEqual({ agreed: 1, decided: 1, nearTies: 0 });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'an output of %s is infinitely far from any number',
  (value) => {
    const metrics = measure([
      [
        [1, 2],
        [1, value],
      ],
      [
        [1, 2],
        [1, 2],
      ],
    ]);
    expect(metrics.maxDifference).toBe(Number.POSITIVE_INFINITY);
    expect(metrics.kl?.mean).toBe(Number.POSITIVE_INFINITY);
  },
);

test('an output that is missing is infinitely far', () => {
  expect(measure([[[1, 2], [1]]]).maxDifference).toBe(Number.POSITIVE_INFINITY);
});

test('outputs that are no logits have differences only', () => {
  const comparison = new Comparison({ scale: 1, logits: false, nearTieFactor: 2 });
  comparison.add(Float32Array.of(1, 2), Float32Array.of(1, 4), { row: 0, position: 3 });
  expect(comparison.metrics).toEqual({
    positions: 1,
    maxDifference: 2,
    meanDifference: 1,
    scale: 1,
    worst: { row: 0, position: 3, index: 1 },
  });
});

test('the best two are found in any order, the first of equals', () => {
  expect(bestTwo(Float32Array.of(1, 3, 2))).toEqual([1, 2]);
  expect(bestTwo(Float32Array.of(3, 3))).toEqual([0, 1]);
  expect(bestTwo(Float32Array.of(5))).toEqual([0, -1]);
  expect(bestTwo(Float32Array.of(Number.NaN))).toEqual([-1, -1]);
});

test('a scale is the largest absolute value, at least the floor', () => {
  expect(scaleOf([Float32Array.of(1, -3), Float32Array.of(2)], 0.1)).toBe(3);
  expect(scaleOf([Float32Array.of(0.01)], 0.1)).toBe(0.1);
});
