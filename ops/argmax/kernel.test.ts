import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { runKernel, testDevice } from '../../test/gpu.ts';
import { logitRecipes, logitsOf, wordsOf } from '../../test/logits.ts';
import { argmax } from './kernel.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

test.each([1, 3, 389, 2048, 50_368])('the largest of %i logits is found', async (columns) => {
  const kernel = argmax({ columns }, device.limits);
  await fc.assert(
    fc.asyncProperty(logitRecipes, async (recipes) => {
      const rows = logitsOf(recipes, columns);
      const { best = new Uint32Array() } = await runKernel(
        device,
        kernel,
        { kept: rows.length },
        { logits: wordsOf(rows), best: new Uint32Array(2 * rows.length) },
      );
      expect(idsIn(best, rows.length)).toEqual(rows.map(largest));
    }),
    { numRuns: columns > 10_000 ? 10 : 40 },
  );
});

test('NaN is never chosen over a number', async () => {
  const rows = [
    [Number.NaN, Number.NEGATIVE_INFINITY, Number.NaN],
    [Number.NaN, -3, Number.NaN],
    [Number.NaN, Number.NaN, Number.NaN],
  ].map((row) => Float32Array.from(row));
  const { best = new Uint32Array() } = await runKernel(
    device,
    argmax({ columns: 3 }, device.limits),
    { kept: 3 },
    { logits: wordsOf(rows), best: new Uint32Array(6) },
  );
  expect(idsIn(best, 3)).toEqual([1, 1, 0]);
});

/** The first of the largest, as JavaScript compares them. */
function largest(row: Float32Array): number {
  return row.reduce((best, value, i) => (value > (row[best] ?? 0) ? i : best), 0);
}

/** The ids of pairs of a logit and its id. */
function idsIn(pairs: Float64Array | Uint32Array, rows: number): readonly (number | undefined)[] {
  return Array.from({ length: rows }, (_, row) => pairs[2 * row + 1]);
}
