import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { attendSpans } from '../../test/attention-batch.ts';
import {
  cachesOf,
  compileTimeout,
  nearness,
  packed,
  type Span,
  sequenceOf,
  variedShapes,
  worstInCache,
} from '../../test/attention-run.ts';
import { elementsOf, type Matrix, testDevice, worstOf } from '../../test/gpu.ts';
import type { AttentionShape } from './kernel-shape.ts';

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

const batches = fc.record({
  spans: fc.array(
    fc.record({ count: length, past: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 70 })) }),
    { minLength: 1, maxLength: 3 },
  ),
  seed: fc.nat(),
});

test(
  'prompts and appended tokens attend as the reference does, whatever the head',
  { timeout: compileTimeout },
  async () => {
    for (const shape of variedShapes(elementsOf(device), [-1, 64, 1, 8, 200, 3], 8)) {
      await expectSpans(device, shape);
    }
  },
);

test(
  'so they do with the least memory, few threads and small grids',
  { timeout: compileTimeout },
  async () => {
    for (const shape of variedShapes(elementsOf(small), [64, -1, 3], 16)) {
      await expectSpans(small, shape);
    }
  },
);

async function expectSpans(on: Device, shape: AttentionShape): Promise<void> {
  await fc.assert(
    fc.asyncProperty(batches, ({ spans, seed }) => {
      const drawn = shape.cached ? spans : spans.map(({ count }) => ({ count, past: 0 }));
      return expectBatch(on, shape, drawn, seed);
    }),
    { numRuns: 2 },
  );
}

async function expectBatch(
  on: Device,
  shape: AttentionShape,
  spans: readonly Span[],
  seed: number,
): Promise<void> {
  const ends = spans.map(({ past, count }) => past + count);
  const sequences = ends.map((tokens, row) => sequenceOf(shape, tokens, seed + row));
  const before = cachesOf(
    shape,
    sequences,
    spans.map(({ past }) => past),
  );
  const limits = on === small ? { ...on.limits, workgroupsPerDimension: 3 } : on.limits;
  const batch = { device: on, shape, limits, sequences };
  const after = await attendSpans(batch, spans, before);
  const near = nearness(shape);
  expect(worstOf(after.context.data, packed(sequences, spans, 'context').data)).toBeLessThan(near);
  if (!shape.cached) return;
  const want = cachesOf(shape, sequences, ends);
  for (const which of ['keys', 'values'] as const) {
    const wanted = withLeftovers(want[which], before[which]);
    expect(worstInCache(after[which].data, wanted)).toBeLessThan(near);
  }
}

/** What no token wrote stays as it was. */
function withLeftovers(want: Matrix, before: Matrix): Matrix {
  const data = Float64Array.from(want.data, (value, i) =>
    Number.isNaN(value) ? (before.data[i] ?? Number.NaN) : value,
  );
  return { ...want, data };
}
