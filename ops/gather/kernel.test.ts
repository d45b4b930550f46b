import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { leastLimits } from '../../src/wgsl.ts';
import { noise, realOf } from '../../test/agree.ts';
import { elementsOf, type Matrix, runKernel, testDevice } from '../../test/gpu.ts';
import { gatherRows } from './kernel.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

const before = -7;

test('rows are picked by number, from all of a table and from a part of it', async () => {
  const cases = fc.record({
    columns: fc.constantFrom(1, 6, 64, 772),
    rows: fc.constantFrom(3, 130),
    table: fc.constantFrom(...elementsOf(device)),
    output: fc.constantFrom(...elementsOf(device)),
    count: fc.constantFrom('tokens' as const, 'kept' as const),
    part: fc.constantFrom(undefined, { first: 0, count: 2 }, { first: 1, count: 2 }),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, columns, picks, seed, ...kinds }) => {
      const { count, part } = kinds;
      const { data } = realOf(noise('float16', [rows, columns], seed));
      const indices = Uint32Array.from(picks, (pick) => pick % rows);
      const bound: Matrix = part
        ? {
            rows: part.count,
            columns,
            data: data.subarray(part.first * columns, (part.first + part.count) * columns),
          }
        : { rows, columns, data };
      const { gathered = [] } = await runKernel(
        device,
        gatherRows({ columns, ...kinds, part }, device.limits),
        { [count]: indices.length },
        {
          table: bound,
          indices,
          gathered: {
            rows: indices.length,
            columns,
            data: new Float64Array(indices.length * columns).fill(before),
          },
        },
      );
      const holds = (index: number): boolean =>
        !part || (index >= part.first && index < part.first + part.count);
      const want = [...indices].flatMap((index) =>
        holds(index)
          ? [...data.subarray(index * columns, (index + 1) * columns)]
          : Array.from({ length: columns }, () => before),
      );
      expect([...gathered]).toEqual(want);
    }),
    { numRuns: 60 },
  );
});

test('a long list of indices takes two dimensions of workgroups', () => {
  const { grid } = gatherRows(
    { columns: 1024, table: 'f32', output: 'f32', count: 'tokens' },
    { ...leastLimits, workgroupsPerDimension: 100 },
  );
  const lengths = { tokens: 201, rows: 1, cacheRows: 1, kept: 0, tiles: 0, splits: 0 };
  expect(grid(lengths)).toEqual([100, 3, 1]);
});
