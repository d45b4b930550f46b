import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linearScale, logScale, placesScale, spread } from './plot-scale.ts';

test('a linear axis begins at 0 and has round ticks inside', () => {
  const { place, ticks } = linearScale(5.2, [100, 620], String);
  expect([place(0), place(5.2), place(2.6)]).toEqual([100, 620, 360]);
  expect(ticks.map(({ label }) => label)).toEqual(['0', '1', '2', '3', '4', '5']);
  expect(ticks[3]?.at).toBeCloseTo(place(3), 9);
});

test('a linear axis of any length has a few ticks', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1e12, noNaN: true }), (max) => {
      const { ticks } = linearScale(max, [0, 1], String);
      expect(ticks.length).toBeGreaterThanOrEqual(3);
      expect(ticks.length).toBeLessThanOrEqual(7);
      expect(ticks.at(-1)?.at).toBeLessThanOrEqual(1 + 1e-9);
    }),
  );
});

test('a logarithmic axis covers whole powers of ten', () => {
  const { place, ticks } = logScale([3e-6, 0.04, 4e-4], [300, 0]);
  expect(ticks.map(({ label }) => label)).toEqual(['1e-6', '1e-5', '1e-4', '0.001', '0.01', '0.1']);
  expect([place(1e-6), place(0.1)]).toEqual([300, 0]);
  expect(place(1e-3)).toBeCloseTo(120, 9);
  expect(logScale([0.1], [0, 1]).ticks.map(({ label }) => label)).toEqual(['0.1', '1']);
});

test('an axis of names has a place for each, and leaves out some of many', () => {
  const few = placesScale(['a', 'b', 'c', 'd'], [0, 80]);
  expect(few.ticks).toEqual(['a', 'b', 'c', 'd'].map((label, i) => ({ label, at: 10 + 20 * i })));
  expect(few.place(2)).toBe(50);
  const names = Array.from({ length: 30 }, (_, index) => String(index));
  const { ticks, place } = placesScale(names, [0, 600]);
  expect(ticks.map(({ label }) => Number(label))).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 29]);
  expect(ticks.at(-1)?.at).toBe(place(29));
});

test('names move apart as far as they must, in their order and inside', () => {
  expect(spread([50, 10, 52], 10, [0, 100])).toEqual([50, 10, 60]);
  expect(spread([98, 99], 10, [0, 100])).toEqual([90, 100]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 5 }), (places) => {
      const moved = spread(places, 17, [0, 100]).toSorted((a, b) => a - b);
      const gaps = moved.slice(1).map((place, index) => place - (moved[index] ?? 0));
      expect(Math.min(17, ...gaps)).toBe(17);
      expect(moved.every((place) => place >= 0 && place <= 100)).toBe(true);
    }),
  );
});
