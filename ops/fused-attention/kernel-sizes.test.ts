import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GpuLimits, leastLimits } from '../../src/wgsl.ts';
import type { AttentionShape } from './kernel-shape.ts';
import { partialsFloats, splitsFor } from './kernel-step-size.ts';
import { attendStep } from './kernel-step.ts';
import { keysVisited, queriesPerTile } from './kernel-tile-size.ts';
import { attendTiles } from './kernel-tiles.ts';

const base: AttentionShape = {
  heads: 12,
  headDim: 64,
  scale: 0.125,
  window: -1,
  element: 'f32',
  table: 'f32',
  cached: true,
};

const devices: readonly GpuLimits[] = [16_384, 32_768, 49_152].flatMap((workgroupMemory) =>
  [128, 256].map((workgroupSize) => ({ ...leastLimits, workgroupMemory, workgroupSize })),
);

test('a sliding layer computes at most 1.5 × sequence × window pairs of a long prompt', () => {
  for (const limits of devices) {
    for (const headDim of [16, 64, 80, 128]) {
      const shape = { ...base, headDim, window: 64 };
      const pairs = keysVisited(shape, limits, { count: 8192, past: 0 });
      expect(pairs).toBeLessThanOrEqual(1.5 * 8192 * 64);
    }
  }
});

test('a full layer computes little more than the pairs that a causal mask leaves', () => {
  const pairs = keysVisited(base, leastLimits, { count: 8192, past: 0 });
  expect(pairs).toBeGreaterThanOrEqual((8192 * 8193) / 2);
  expect(pairs).toBeLessThan(1.02 * ((8192 * 8193) / 2));
});

test('no pair that a query sees is left out, whatever was before', () => {
  const spans = fc.record({
    count: fc.integer({ min: 1, max: 300 }),
    past: fc.integer({ min: 0, max: 300 }),
    window: fc.constantFrom(-1, 1, 8, 64, 1000),
  });
  fc.assert(
    fc.property(spans, ({ count, past, window }) => {
      let seen = 0;
      for (let i = 0; i < count; i++) {
        seen += window < 0 ? past + i + 1 : Math.min(past + i + 1, window);
      }
      const shape = { ...base, window };
      expect(keysVisited(shape, leastLimits, { count, past })).toBeGreaterThanOrEqual(seen);
    }),
  );
});

test('every head fits the memory of every device, and larger devices take more queries', () => {
  for (const limits of devices) {
    for (let headDim = 8; headDim <= 128; headDim += 8) {
      for (const window of [-1, 1, 64, 4096]) {
        const shape = { ...base, headDim, window };
        for (const { wgsl } of [attendTiles(shape, limits), attendStep(shape, limits)]) {
          expect(workgroupBytes(wgsl)).toBeLessThanOrEqual(limits.workgroupMemory);
        }
      }
    }
  }
  const [least, , , , large] = devices;
  expect(queriesPerTile(base, least ?? leastLimits)).toBe(32);
  expect(queriesPerTile(base, large ?? leastLimits)).toBe(64);
  expect(queriesPerTile({ ...base, window: 64 }, large ?? leastLimits)).toBe(32);
});

/** The bytes of the workgroup variables in a shader's text. */
function workgroupBytes(wgsl: string): number {
  const widths: Readonly<Record<string, number>> = { f32: 4, 'vec2<f32>': 8, 'vec4<f32>': 16 };
  const variables = wgsl.matchAll(/var<workgroup> \w+: array<([\w<>]+), (\d+)>/g);
  return [...variables].reduce(
    (bytes, [, type = '', count = '']) => bytes + (widths[type] ?? Number.NaN) * Number(count),
    0,
  );
}

test('long caches are split as far as a small batch needs it, short windows never', () => {
  const splits = (longest: number, rows: number, window = -1): number =>
    splitsFor({ ...base, window }, { longest, rows });
  expect([splits(0, 1), splits(256, 1), splits(257, 1), splits(4096, 1)]).toEqual([1, 1, 2, 16]);
  expect([splits(4096, 16), splits(4096, 1000)]).toEqual([6, 1]);
  expect([splits(8192, 1, 64), splits(8192, 1, 1024), splits(8192, 1, 2048)]).toEqual([1, 1, 8]);
  expect(partialsFloats(base, 2, 3)).toBe(2 * 12 * 3 * 68);
});

test('lengths that change from step to step are in no text', () => {
  const { wgsl, grid } = attendStep(base, leastLimits);
  expect(attendStep(base, leastLimits).wgsl).toBe(wgsl);
  const lengths = { tokens: 3, rows: 3, cacheRows: 4, kept: 3, tiles: 0, splits: 5 };
  expect(grid(lengths)).toEqual([12, 3, 5]);
  expect(attendStep({ ...base, window: 64 }, leastLimits).grid(lengths)).toEqual([12, 3, 1]);
  expect(attendTiles(base, leastLimits).grid({ ...lengths, tiles: 70_000 })).toEqual([
    65_535, 12, 2,
  ]);
});
