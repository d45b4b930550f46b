import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { type Kernel, leastLimits } from '../../src/wgsl.ts';
import { elementsOf, runKernel, testDevice, worstOf } from '../../test/gpu.ts';
import { productCase } from '../../test/product.ts';
import { shapesOf, toleranceOf } from '../../test/product-shapes.ts';
import { productTiles } from './kernel-tiles.ts';
import type { ProductShape } from './shape.ts';

let device: Device;
let small: Device;

beforeAll(async () => {
  device = await testDevice();
  small = await testDevice({ most: { workgroupSize: 128, workgroupMemory: 16_384 } });
});
afterAll(() => {
  device.destroy();
  small.destroy();
});

const counts = [1, 9, 31, 32, 33, 64, 65, 130];

test('tiles are the product with what follows it, whatever the layout, elements and sizes', async () => {
  const draws = fc.record({
    shape: shapesOf(elementsOf(device)),
    tile: fc.constantFrom(16 as const, 32 as const, 64 as const, 128 as const),
    rows: fc.constantFrom(...counts),
    reach: fc.constantFrom(1e-3, 1, 100),
    least: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(draws, async ({ shape, tile, rows, reach, least, seed }) => {
      const on = least ? small : device;
      const { contents, expected } = productCase(shape, { rows, seed, reach });
      const kernel = productTiles(shape, on.limits, tile);
      const { y = [] } = await runKernel(on, kernel, { [shape.count]: rows }, contents);
      expect(worstOf(y, expected)).toBeLessThan(toleranceOf(shape));
    }),
    { numRuns: 24 },
  );
}, 240_000);

const plain: ProductShape = {
  inputs: 64,
  outputs: 389,
  weight: { layout: 'out-in', element: 'f32' },
  element: 'f32',
  output: 'f32',
  gated: false,
  residual: false,
  count: 'tokens',
};

test('every length of x is a run of one kernel, whose rows end where they should', async () => {
  const kernel = productTiles(plain, device.limits);
  for (const rows of [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130]) {
    const { contents, expected } = productCase(plain, { rows, seed: rows, reach: 1 });
    // a row more than there is stays as it was, and what rows are filled up with is zero
    const y = { rows: rows + 1, columns: 392, data: new Float64Array((rows + 1) * 392).fill(5) };
    const { y: got = [] } = await runKernel(device, kernel, { tokens: rows }, { ...contents, y });
    const columns = Array.from(expected, (_, i) => got[Math.floor(i / 389) * 392 + (i % 389)] ?? 5);
    expect(worstOf(columns, expected)).toBeLessThan(2e-5);
    expect(got.slice(389, 392)).toEqual(new Float64Array(3));
    expect(got.slice(rows * 392)).toEqual(new Float64Array(392).fill(5));
  }
});

test('parts of a table fill the columns that are theirs', async () => {
  const packed = { layout: 'blocks', bits: 4, blockSize: 32, zeroPoints: true } as const;
  for (const weight of [plain.weight, { ...packed, scale: 'pair' } as const]) {
    for (const part of [
      { first: 0, count: 128 },
      { first: 128, count: 124 },
      { first: 252, count: 137 },
    ]) {
      const shape: ProductShape = { ...plain, weight, part, bias: 'f32' };
      const { contents, expected } = productCase(shape, { rows: 33, seed: 5, reach: 1 });
      const kernel = productTiles(shape, device.limits);
      const { y = [] } = await runKernel(device, kernel, { tokens: 33 }, contents);
      expect(worstOf(y, expected)).toBeLessThan(2e-5);
    }
  }
});

test('tiles grow with what is asked for and what the device has', () => {
  const shape: ProductShape = { ...plain, inputs: 768, outputs: 2304 };
  const large = { ...leastLimits, workgroupMemory: 32_768 };
  const gridOf = ({ grid }: Kernel) => grid({ ...noTokens, tokens: 300 });
  expect(gridOf(productTiles(shape, large, 128))).toEqual([18, 3, 1]);
  expect(gridOf(productTiles(shape, leastLimits, 128))).toEqual([36, 3, 1]);
  expect(gridOf(productTiles(shape, leastLimits))).toEqual([36, 5, 1]);
  expect(gridOf(productTiles({ ...shape, gated: true }, leastLimits))).toEqual([36, 5, 1]);
  expect(gridOf(productTiles(shape, { ...leastLimits, workgroupSize: 128 }, 128))).toEqual([
    36, 5, 1,
  ]);
});

const noTokens = { tokens: 0, rows: 0, cacheRows: 0, kept: 0, tiles: 0, splits: 0 };
