import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cheapest, type UnitCost } from './cheapest.ts';

const some = fc.array(
  fc.record({
    kl: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.integer({ min: 1, max: 99 }),
  }),
  { maxLength: 9 },
);

const klOf = (units: readonly UnitCost[], raised: readonly boolean[]): number =>
  units.reduce((sum, { kl }, i) => sum + (raised[i] === true ? 0 : kl), 0);

const bytesOf = (units: readonly UnitCost[], raised: readonly boolean[]): number =>
  units.reduce((sum, { bytes }, i) => sum + (raised[i] === true ? bytes : 0), 0);

/** The fewest bytes of all choices within a budget. */
function fewest(units: readonly UnitCost[], budget: number): number {
  const choices = Array.from({ length: 2 ** units.length }, (_, bits) =>
    units.map((_unit, i) => ((bits >> i) & 1) === 1),
  );
  const within = choices.filter((raised) => klOf(units, raised) <= budget);
  return Math.min(...within.map((raised) => bytesOf(units, raised)));
}

test('no choice within the budget takes fewer bytes', () => {
  fc.assert(
    fc.property(some, fc.double({ min: 0.01, max: 3, noNaN: true }), (units, budget) => {
      const raised = cheapest(units, budget);
      expect(klOf(units, raised)).toBeLessThanOrEqual(budget * (1 + 1e-9));
      // costs are rounded up to a 4096th of the budget each
      const counted = budget * (1 - units.length / 4096);
      expect(bytesOf(units, raised)).toBeGreaterThanOrEqual(fewest(units, budget * (1 + 1e-9)));
      expect(bytesOf(units, raised)).toBeLessThanOrEqual(fewest(units, counted));
    }),
  );
});

test('a budget that is missed by little is missed', () => {
  const units = [1, 2].map((bytes) => ({ kl: 0.5, bytes }));
  expect(cheapest(units, 1)).toEqual([false, false]);
  expect(cheapest(units, 0.9999)).toEqual([true, false]);
});

test('a unit that nothing may be left of is raised, one that costs nothing is not', () => {
  const units = [
    { kl: Number.POSITIVE_INFINITY, bytes: 5 },
    { kl: 0, bytes: 5 },
  ];
  expect(cheapest(units, 1)).toEqual([true, false]);
});
