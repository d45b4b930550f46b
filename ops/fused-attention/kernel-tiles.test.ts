import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/device.ts';
import { attendSpans } from '../../test/attention-batch.ts';
import { cacheOf, packed, sequenceOf, worstInCache } from '../../test/attention-run.ts';
import { elementsOf, testDevice, worstOf } from '../../test/gpu.ts';

let device: Device;
let small: Device;

beforeAll(async () => {
  device = await testDevice();
  small = await testDevice({
    most: { subgroups: false, workgroupMemory: 16_384, workgroupSize: 128 },
  });
});
afterAll(() => {
  device.destroy();
  small.destroy();
});

const length = fc.oneof(fc.constantFrom(1, 31, 32, 33), fc.integer({ min: 1, max: 150 }));

const batch = fc.array(
  fc.record({ count: length, past: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 70 })) }),
  { minLength: 1, maxLength: 3 },
);

test('prompts and appended tokens attend as the reference does, whatever the tile', async () => {
  const draws = fc.record({
    spans: batch,
    headDim: fc.integer({ min: 2, max: 16 }).map((eighths) => 8 * eighths),
    window: fc.constantFrom(-1, 1, 3, 8, 64, 200),
    heads: fc.constantFrom(1, 2),
    element: fc.constantFrom(...elementsOf(device)),
    table: fc.constantFrom(...elementsOf(device)),
    cached: fc.boolean(),
    plain: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(draws, async ({ spans: drawn, plain, seed, ...rest }) => {
      const on = plain ? small : device;
      const shape = { ...rest, scale: 0.2 };
      const spans = shape.cached ? drawn : drawn.map(({ count }) => ({ count, past: 0 }));
      const ends = spans.map(({ past, count }) => past + count);
      const sequences = ends.map((tokens, row) => sequenceOf(shape, tokens, seed + row));
      const before = spans.map(({ past }) => past);
      const cache = {
        keys: cacheOf(shape, sequences, before, 'keys'),
        values: cacheOf(shape, sequences, before, 'values'),
      };
      const at = { device: on, shape, limits: on.limits, sequences };
      const { context, keys, values } = await attendSpans(at, spans, cache);
      const near = shape.element === 'f32' && shape.table === 'f32' ? 2e-5 : 5e-3;
      expect(worstOf(context.data, packed(sequences, spans, 'context').data)).toBeLessThan(near);
      if (!shape.cached) return;
      const after = { keys, values };
      for (const which of ['keys', 'values'] as const) {
        const want = cacheOf(shape, sequences, ends, which);
        expect(worstInCache(after[which].data, kept(want, cache[which]))).toBeLessThan(near);
      }
    }),
    { numRuns: 60 },
  );
});

/** What a full ring held before and nothing replaced stays: the reference forgets it. */
function kept<M extends { readonly data: ArrayLike<number> }>(want: M, before: M): M {
  const data = Float64Array.from(want.data, (value, i) =>
    Number.isNaN(value) ? (before.data[i] ?? Number.NaN) : value,
  );
  return { ...want, data };
}
