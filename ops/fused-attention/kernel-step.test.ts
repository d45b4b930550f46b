import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { attendOne, attendSpans, type Cache } from '../../test/attention-batch.ts';
import {
  cachesOf,
  compileTimeout,
  nearness,
  packed,
  sequenceOf,
  variedShapes,
  worstInCache,
} from '../../test/attention-run.ts';
import { elementsOf, testDevice, worstOf } from '../../test/gpu.ts';
import type { AttentionShape } from './kernel-shape.ts';

let device: Device;
let small: Device;

beforeAll(async () => {
  device = await testDevice();
  small = await testDevice({
    most: { subgroups: false, workgroupMemory: 16_384, workgroupSize: 64 },
  });
});
afterAll(() => {
  device.destroy();
  small.destroy();
});

const past = fc.oneof(fc.constantFrom(0, 1, 30, 31, 32, 33, 128), fc.integer({ min: 0, max: 250 }));

const draws = fc.record({
  pasts: fc.array(past, { minLength: 1, maxLength: 3 }),
  splits: fc.constantFrom(1, 2, 3, 7),
  seed: fc.nat(),
});

test(
  'a single token attends as the reference does, in one part or in several',
  { timeout: compileTimeout },
  async () => {
    for (const shape of variedShapes(elementsOf(device), [-1, 64, 1, 1025, 8, 200, 3], 8)) {
      await expectSteps(device, { ...shape, cached: true });
    }
  },
);

test('so it does with 64 threads', { timeout: compileTimeout }, async () => {
  for (const shape of variedShapes(elementsOf(small), [64, -1, 3], 32)) {
    await expectSteps(small, { ...shape, cached: true });
  }
});

async function expectSteps(on: Device, shape: AttentionShape): Promise<void> {
  await fc.assert(
    fc.asyncProperty(draws, async ({ pasts, splits, seed }) => {
      const sequences = pasts.map((tokens, row) => sequenceOf(shape, tokens + 1, seed + row));
      const batch = { device: on, shape, limits: on.limits, sequences };
      const got = await attendOne(batch, pasts, cachesOf(shape, sequences, pasts), splits);
      const spans = pasts.map((length) => ({ past: length, count: 1 }));
      const want = packed(sequences, spans, 'context');
      const near = nearness(shape);
      expect(worstOf(got.context.data, want.data)).toBeLessThan(near);
      const ends = pasts.map((length) => length + 1);
      const after = cachesOf(shape, sequences, ends);
      expect(worstInCache(got.keys.data, after.keys)).toBeLessThan(near);
      expect(worstInCache(got.values.data, after.values)).toBeLessThan(near);
    }),
    { numRuns: 3 },
  );
}

test(
  'a prompt in pieces and single steps gives what the whole prompt gives',
  { timeout: compileTimeout },
  async () => {
    const prompts = fc.record({
      pieces: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
      steps: fc.integer({ min: 1, max: 3 }),
      behind: fc.integer({ min: 0, max: 30 }),
      shape: fc.constantFrom<AttentionShape>(
        ...[-1, 3, 32].map((window) => ({
          heads: 2,
          headDim: 32,
          scale: 0.2,
          window,
          element: 'f32' as const,
          table: 'f32' as const,
          cached: true,
        })),
      ),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(prompts, async ({ pieces, steps, behind, shape, seed }) => {
        const total = pieces.reduce((a, b) => a + b, steps);
        const sequences = [total, total + behind].map((n, row) => sequenceOf(shape, n, seed + row));
        // The second row begins with tokens of its own.
        const starts = [0, behind];
        const at = { device, shape, limits: device.limits, sequences };
        const begun = [
          { past: 0, count: 0 },
          { past: 0, count: behind },
        ];
        const empty = cachesOf(shape, sequences, [0, 0]);
        let cache: Cache = behind === 0 ? empty : await attendSpans(at, begun, empty);
        let done = 0;
        for (const count of [...pieces, ...Array.from({ length: steps }, () => 1)]) {
          const pasts = starts.map((start) => start + done);
          const spans = pasts.map((length) => ({ past: length, count }));
          const isStep = done >= total - steps;
          const got = isStep
            ? await attendOne(at, pasts, cache, 2)
            : await attendSpans(at, spans, cache);
          expect(worstOf(got.context.data, packed(sequences, spans, 'context').data)).toBeLessThan(
            5e-5,
          );
          cache = got;
          done += count;
        }
      }),
      { numRuns: 8 },
    );
  },
);

test('scores far beyond what exp can hold give the shares that they must', async () => {
  const shape: AttentionShape = {
    heads: 1,
    headDim: 32,
    scale: 40,
    window: -1,
    element: 'f32',
    table: 'f32',
    cached: true,
  };
  const sequences = [sequenceOf(shape, 100, 7)];
  const batch = { device, shape, limits: device.limits, sequences };
  const prompt = [{ past: 0, count: 99 }];
  const got = await attendSpans(batch, prompt, cachesOf(shape, sequences, [0]));
  expect(worstOf(got.context.data, packed(sequences, prompt, 'context').data)).toBeLessThan(2e-3);
  const next = await attendOne(batch, [99], got, 2);
  const last = packed(sequences, [{ past: 99, count: 1 }], 'context');
  expect(worstOf(next.context.data, last.data)).toBeLessThan(2e-3);
});
