import { afterAll, beforeAll, expect, test } from 'vitest';
import { runKernel, testDevice, worstOf } from '../../test/gpu.ts';
import { productCase } from '../../test/product.ts';
import type { Device } from '../../src/runtime/device.ts';
import { productTiles } from './kernel-tiles.ts';
import { productVector } from './kernel-vector.ts';
import type { ProductShape, ProductWeight } from './shape.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

const plain = {
  element: 'f32',
  output: 'f32',
  gated: false,
  residual: false,
  count: 'tokens',
} as const;
const weights: readonly ProductWeight[] = [
  { layout: 'in-out', element: 'f32' },
  { layout: 'out-in', element: 'f32' },
  { layout: 'out-in', element: 'pair' },
  { layout: 'blocks', bits: 4, blockSize: 32, zeroPoints: true, scale: 'f32' },
  { layout: 'blocks', bits: 4, blockSize: 16, zeroPoints: false, scale: 'pair' },
  { layout: 'blocks', bits: 8, blockSize: 32, zeroPoints: true, scale: 'pair' },
];
const shapes: readonly ProductShape[] = weights.flatMap((weight) => [
  { ...plain, inputs: 48, outputs: 64, weight, gated: true, activation: 'gelu', bias: 'f32' },
  { ...plain, inputs: 70, outputs: 389, weight, residual: true },
  { ...plain, inputs: 768, outputs: 3, weight },
  { ...plain, inputs: 768, outputs: 192, weight },
]);
for (const form of ['tiles', 1, 2, 4] as const) {
  for (const shape of shapes) {
    test(`${form} ${JSON.stringify(shape)}`, async () => {
      const kernel =
        form === 'tiles'
          ? productTiles(shape, device.limits)
          : productVector(shape, device.limits, form);
      for (const rows of form === 'tiles' ? [1, 33, 130] : [1, 3, 4]) {
        const { contents, expected } = productCase(shape, { rows, seed: rows, reach: 1 });
        const { y = [] } = await runKernel(device, kernel, { tokens: rows }, contents);
        expect(worstOf(y, expected)).toBeLessThan(1e-5);
      }
    });
  }
}
