import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { runKernel, testDevice } from '../../test/gpu.ts';
import { logitRecipes, logitsOf, wordsOf } from '../../test/logits.ts';
import { repetitionPenalty } from './kernel.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

test.each([1, 3, 2048])('of %i logits those that were seen are penalized once', async (columns) => {
  const kernel = repetitionPenalty({ columns }, device.limits);
  const cases = fc.record({
    recipes: logitRecipes,
    penalty: fc.constantFrom(1, 1.3, 0.5),
    ids: fc.uniqueArray(fc.nat(columns - 1), { maxLength: Math.min(columns, 700), size: 'max' }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ recipes, penalty, ids }) => {
      const rows = logitsOf(recipes, columns);
      const seen = ids.map((id, i) => [i % rows.length, id] as const);
      const settings = new Uint32Array(Float32Array.of(penalty, 1, 0).buffer);
      settings[2] = seen.length;
      const { logits = [] } = await runKernel(
        device,
        kernel,
        { kept: rows.length },
        // what stands behind the pairs is not looked at
        { seen: Uint32Array.from([...seen.flat(), 0, 0]), settings, logits: wordsOf(rows) },
      );
      for (const [row, id] of seen) {
        const values = rows[row];
        const logit = values?.[id] ?? 0;
        if (values) values[id] = logit > 0 ? logit / penalty : logit * penalty;
      }
      const got = new Float32Array(Uint32Array.from(logits).buffer);
      const want = new Float32Array(wordsOf(rows).buffer);
      for (const [i, value] of want.entries()) {
        if (Object.is(got[i], value)) continue;
        expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(
          Math.abs(value) * 1e-6,
        );
      }
    }),
    { numRuns: 30 },
  );
});
