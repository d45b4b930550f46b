import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assign, type Lifetime } from './memory.ts';

const lifetimes = fc
  .array(fc.record({ bytes: fc.nat(1000), first: fc.nat(20), steps: fc.nat(8) }), { maxLength: 20 })
  .map((list) =>
    list.map(({ bytes, first, steps }, index): Lifetime => {
      return { name: `matrix ${index}`, bytes, first, last: first + steps };
    }),
  );

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

it('no two matrices that are needed at once share a place, and each fits its place', () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const { places, placeOf } = assign(all);
      expect([...placeOf.keys()].toSorted()).toEqual(all.map(({ name }) => name).toSorted());
      for (const a of all) {
        const place = placeOf.get(a.name) ?? -1;
        expect(places[place]).toBeGreaterThanOrEqual(a.bytes);
        const beside = all.filter((b) => b !== a && overlap(a, b));
        expect(beside.map(({ name }) => placeOf.get(name))).not.toContain(place);
      }
    }),
  );
});

it('the peak lies between what is needed at once and the sum of all', () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const peak = assign(all).places.reduce((sum, bytes) => sum + bytes, 0);
      const live = Array.from({ length: 30 }, (_, step) =>
        all
          .filter(({ first, last }) => first <= step && step <= last)
          .reduce((sum, { bytes }) => sum + bytes, 0),
      );
      expect(peak).toBeGreaterThanOrEqual(Math.max(...live));
      expect(peak).toBeLessThanOrEqual(all.reduce((sum, { bytes }) => sum + bytes, 0));
    }),
  );
});

it('a chain of equal matrices takes two places', () => {
  const chain = Array.from({ length: 9 }, (_, i) => {
    return { name: `${i}`, bytes: 64, first: i, last: i + 1 };
  });
  expect(assign(chain).places).toEqual([64, 64]);
});
