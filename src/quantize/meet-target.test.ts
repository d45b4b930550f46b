import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxMeasurements, meetTarget } from './meet-target.ts';

const units = fc.array(
  fc.record({
    kl: fc.double({ min: 1e-6, max: 1, noNaN: true }),
    bytes: fc.integer({ min: 1, max: 99 }),
  }),
  { minLength: 2, maxLength: 40 },
);

/** A whole that costs another part of each unit than it costs alone, and a little in any case. */
function wholeOf(each: readonly { readonly kl: number }[], parts: readonly number[]) {
  return (raised: readonly boolean[]): number =>
    each.reduce((sum, { kl }, i) => sum + (raised[i] === true ? 0 : kl * (parts[i] ?? 1)), 1e-4);
}

test('what is found meets the target as measured, after few measurements', async () => {
  const parts = fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), {
    minLength: 40,
    maxLength: 40,
  });
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  await fc.assert(
    fc.asyncProperty(units, parts, share, async (each, factors, part) => {
      const whole = wholeOf(each, factors);
      const [none, all] = [whole(each.map(() => false)), whole(each.map(() => true))];
      const target = all + part * (none - all);
      const measured: string[] = [];
      const met = await meetTarget(each, {
        target,
        none,
        all,
        costOf: (cost) => cost,
        measure: (raised) => {
          measured.push(raised.join());
          return Promise.resolve(whole(raised));
        },
      });
      expect(met.found).toBe(whole(met.raised));
      expect(met.found).toBeLessThanOrEqual(target);
      expect(measured.length).toBeLessThanOrEqual(maxMeasurements);
      expect(new Set(measured).size).toBe(measured.length); // each is a run of the model
    }),
    { numRuns: 30 },
  );
});

test('a target is used up, though units cost less together than alone', async () => {
  const each = Array.from({ length: 60 }, (_, i) => ({ kl: 1 + (i % 7), bytes: 10 + (i % 3) }));
  const whole = wholeOf(
    each,
    each.map(() => 0.3),
  );
  const all = whole(each.map(() => true));
  const none = whole(each.map(() => false));
  for (const target of [none / 20, none / 4, none / 2, none / 1.1]) {
    const measure = (raised: readonly boolean[]): Promise<number> => Promise.resolve(whole(raised));
    const met = await meetTarget(each, { target, none, all, costOf: (cost) => cost, measure });
    expect(met.found).toBeGreaterThan(0.93 * target);
  }
});

test('ends where a model without raised units is broken', async () => {
  const each = [
    { kl: Number.POSITIVE_INFINITY, bytes: 1 },
    { kl: 1, bytes: 1 },
    { kl: 2, bytes: 1 },
  ];
  const measure = ([first, ...others]: readonly boolean[]): Promise<number> =>
    Promise.resolve(first === true ? others.filter((raised) => !raised).length : Infinity);
  const met = await meetTarget(each, {
    target: 1,
    none: Number.POSITIVE_INFINITY,
    all: 0,
    costOf: (cost) => cost,
    measure,
  });
  expect(met).toEqual({ raised: [true, false, true], found: 1 });
});
