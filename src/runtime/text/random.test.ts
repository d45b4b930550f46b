import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomStream } from './random.ts';

const first = (seed: number, stream: number, count: number): readonly number[] => {
  const random = randomStream(seed, stream);
  return Array.from({ length: count }, random);
};

const seeds = fc.nat({ max: Number.MAX_SAFE_INTEGER });

test('a seed gives the same numbers on every machine', () => {
  expect(first(1, 0, 3)).toEqual([0.4338597833320632, 0.10851865423259333, 0.027123932932695327]);
  expect(first(2 ** 40 + 1, 2, 2)).toEqual([0.04673451538439888, 0.6023778798064152]);
});

test('numbers lie in [0, 1), and other seeds and streams give others', () => {
  fc.assert(
    fc.property(seeds, seeds, fc.nat(1000), (seed, other, stream) => {
      fc.pre(seed !== other);
      const numbers = first(seed, stream, 4);
      expect(numbers.every((value) => value >= 0 && value < 1)).toBe(true);
      expect(first(seed, stream + 1, 4)).not.toEqual(numbers);
      expect(first(other, stream, 4)).not.toEqual(numbers);
    }),
  );
});

test('numbers of one stream, and the first ones of many streams, are spread evenly', () => {
  const long = first(9, 0, 20_000);
  const wide = Array.from({ length: 20_000 }, (_, stream) => first(9, stream, 1)[0] ?? 0);
  for (const numbers of [long, wide]) {
    const bins = Array.from({ length: 20 }, () => 0);
    for (const value of numbers)
      bins[Math.floor(value * 20)] = (bins[Math.floor(value * 20)] ?? 0) + 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(45); // 19 degrees of freedom: 1 of 1,000
  }
});
