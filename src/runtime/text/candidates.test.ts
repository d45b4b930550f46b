import fc from 'fast-check';
import { expect, test } from 'vitest';
import { candidatesOf, ranked } from './candidates.ts';

const logitsOf = fc
  .array(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.float({ noNaN: true, min: -50, max: 50 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map((values) => Float32Array.from(values));

const sorted = (logits: Float32Array): readonly number[] =>
  [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);

test('the best come first, of equal ones the smaller id', () => {
  fc.assert(
    fc.property(logitsOf, fc.integer({ min: 1, max: 70 }), (logits, count) => {
      const expected = sorted(logits);
      const { ids, logits: values } = candidatesOf(logits, [], { count, repetitionPenalty: 1 });
      expect([...ids]).toEqual(expected.slice(0, count));
      expect([...values]).toEqual([...ids].map((id) => logits[id]));
      expect([...ranked(logits)]).toEqual(expected);
    }),
  );
});

test('many of a large vocabulary are the same as few of them and more', () => {
  const logits = Float32Array.from({ length: 5000 }, (_, id) => Math.sin(id * id) * 20);
  const many = candidatesOf(logits, [], { count: 2000, repetitionPenalty: 1 }).ids;
  const few = candidatesOf(logits, [], { count: 500, repetitionPenalty: 1 }).ids;
  expect([...many]).toEqual(sorted(logits).slice(0, 2000));
  expect([...few]).toEqual(Array.from(many.subarray(0, 500)));
});

test('the sum is over the whole vocabulary, and stays finite for large logits', () => {
  const { logSum } = candidatesOf(Float32Array.of(1000, 1000, 1000, 1000), [], {
    count: 1,
    repetitionPenalty: 1,
  });
  expect(logSum).toBeCloseTo(1000 + Math.log(4), 6);
});

test('a logit that is no number is seen in the sum', () => {
  const ask = { count: 1, repetitionPenalty: 1 };
  expect(candidatesOf(Float32Array.of(1, Number.NaN, 2), [], ask).logSum).toBeNaN();
});

test('the penalty makes what was seen less likely, once however often it was seen', async () => {
  const ask = { count: 4, repetitionPenalty: 2 };
  const candidates = candidatesOf(Float32Array.of(4, -1, 3, 0), [0, 0, 1], ask);
  expect([...candidates.ids]).toEqual([2, 0, 3, 1]);
  expect([...candidates.logits]).toEqual([3, 2, 0, -2]);
  expect([...(await candidates.all())]).toEqual([2, -2, 3, 0]);
});
