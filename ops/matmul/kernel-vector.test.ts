import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { leastLimits } from '../../src/wgsl.ts';
import { elementsOf, noLengths, runKernel, testDevice, worstOf } from '../../test/gpu.ts';
import { productCase } from '../../test/product.ts';
import { shapesOf, toleranceOf, weightsOf } from '../../test/product-shapes.ts';
import { canNormalize, productVector } from './kernel-vector.ts';
import { multiplyAdds, type ProductShape, weightBytes } from './shape.ts';

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

const together = [1, 2, 4] as const;

test('the vector form is the product with what follows it, whatever the layout, elements and sizes', async () => {
  const draws = fc.record({
    shape: shapesOf(elementsOf(device)),
    by: fc.constantFrom(...together),
    rows: fc.integer({ min: 1, max: 9 }),
    reach: fc.constantFrom(1e-3, 1, 100),
    least: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(draws, async ({ shape, by, rows, reach, least, seed }) => {
      const on = least ? small : device;
      const { contents, expected } = productCase(shape, { rows, seed, reach });
      const kernel = productVector(shape, on.limits, by);
      const { y = [] } = await runKernel(on, kernel, { [shape.count]: rows }, contents);
      expect(worstOf(y, expected)).toBeLessThan(toleranceOf(shape));
    }),
    { numRuns: 24 },
  );
}, 240_000);

const plain: ProductShape = {
  inputs: 768,
  outputs: 192,
  weight: { layout: 'in-out', element: 'f32' },
  element: 'f32',
  output: 'f32',
  gated: false,
  residual: false,
  count: 'tokens',
};

test('rows are normalized on the way in', async () => {
  const elements = elementsOf(device);
  const draws = fc.record({
    inputs: fc.constantFrom(48, 252, 768),
    weight: weightsOf(elements),
    norm: fc.record({
      epsilon: fc.constantFrom(1e-5, 1e-3),
      bias: fc.boolean(),
      weight: fc.constantFrom(...elements),
    }),
    gated: fc.boolean(),
    by: fc.constantFrom(...together),
    rows: fc.integer({ min: 1, max: 5 }),
    reach: fc.constantFrom(1, 1000),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(draws, async ({ by, rows, reach, seed, ...drawn }) => {
      const shape: ProductShape = { ...plain, ...drawn };
      expect(canNormalize(shape, small.limits, by)).toBe(true);
      const { contents, expected } = productCase(shape, { rows, seed, reach });
      const kernel = productVector(shape, small.limits, by);
      const { y = [] } = await runKernel(small, kernel, { tokens: rows }, contents);
      expect(worstOf(y, expected)).toBeLessThan(5e-5);
    }),
    { numRuns: 10 },
  );
}, 240_000);

test('a long row is read in place, and not normalized', async () => {
  const shape: ProductShape = { ...plain, inputs: 4600, outputs: 12 };
  expect(canNormalize(shape, leastLimits, 1)).toBe(false);
  expect(canNormalize({ ...shape, inputs: 3072 }, leastLimits, 1)).toBe(true);
  expect(canNormalize({ ...shape, inputs: 3072 }, leastLimits, 2)).toBe(false);
  expect(canNormalize({ ...shape, inputs: 70 }, leastLimits, 1)).toBe(false);
  for (const weight of [
    { layout: 'in-out', element: 'f32' },
    { layout: 'blocks', bits: 4, blockSize: 128, zeroPoints: false, scale: 'pair' },
  ] as const) {
    const long: ProductShape = { ...shape, weight };
    const { contents, expected } = productCase(long, { rows: 2, seed: 3, reach: 1 });
    const kernel = productVector(long, small.limits, 1);
    const { y = [] } = await runKernel(small, kernel, { tokens: 2 }, contents);
    expect(worstOf(y, expected)).toBeLessThan(2e-5);
  }
});

test('parts of a table fill the columns that are theirs', async () => {
  const packed = { layout: 'blocks', bits: 8, blockSize: 32, zeroPoints: true } as const;
  const dense = { layout: 'out-in', element: 'pair' } as const;
  for (const weight of [dense, { ...packed, scale: 'pair' } as const]) {
    for (const part of [
      { first: 0, count: 128 },
      { first: 128, count: 124 },
      { first: 252, count: 137 },
    ]) {
      const shape: ProductShape = { ...plain, outputs: 389, inputs: 64, weight, part, bias: 'f32' };
      const { contents, expected } = productCase(shape, { rows: 3, seed: 5, reach: 1 });
      const kernel = productVector(shape, device.limits, 2);
      const { y = [] } = await runKernel(device, kernel, { tokens: 3 }, contents);
      expect(worstOf(y, expected)).toBeLessThan(2e-5);
    }
  }
});

test('one row of a small product is work for many workgroups', () => {
  const groups = (shape: ProductShape): number => {
    const [x, y, z] = productVector(shape, leastLimits, 1).grid({ ...noLengths, tokens: 1 });
    return x * y * z;
  };
  const packed = { layout: 'blocks', bits: 4, blockSize: 32, zeroPoints: false } as const;
  for (const weight of [
    { layout: 'in-out', element: 'f32' },
    { layout: 'out-in', element: 'pair' },
    { ...packed, scale: 'f32' },
  ] as const) {
    expect(groups({ ...plain, outputs: 768, weight })).toBeGreaterThanOrEqual(96);
    expect(groups({ ...plain, outputs: 2304, weight })).toBe(288);
  }
});

test('bytes and multiply-adds are counted', () => {
  const table: ProductShape = { ...plain, weight: { layout: 'out-in', element: 'half' } };
  const packed = { layout: 'blocks', bits: 4, blockSize: 32, zeroPoints: true } as const;
  expect(weightBytes(plain)).toBe(768 * 192 * 4);
  expect(weightBytes({ ...plain, gated: true })).toBe(768 * 192 * 8);
  expect(weightBytes({ ...table, part: { first: 4, count: 8 } })).toBe(768 * 8 * 2);
  expect(weightBytes({ ...plain, weight: { ...packed, scale: 'pair' } })).toBe(
    192 * (384 + 24 * 2 + 12),
  );
  expect(multiplyAdds({ ...plain, gated: true }, 3)).toBe(3 * 768 * 384);
});
