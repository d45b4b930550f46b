import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { elementsOf, runKernel, testDevice, worstOf, zeros } from '../../test/gpu.ts';
import { noise, realOf } from '../../test/agree.ts';
import { layerNorm } from './kernel.ts';

let device: Device;
let small: Device;

beforeAll(async () => {
  device = await testDevice();
  small = await testDevice({ most: { subgroups: false, workgroupMemory: 16_384 } });
});
afterAll(() => {
  device.destroy();
  small.destroy();
});

test('the kernel is LayerNormalization, with and without bias and subgroups', async () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    width: fc.constantFrom(4, 48, 64, 252, 768),
    mean: fc.constantFrom(0, 3, 100),
    bias: fc.boolean(),
    element: fc.constantFrom(...elementsOf(device)),
    weight: fc.constantFrom(...elementsOf(device)),
    plain: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ rows, width, mean, bias, element, weight, plain, seed }) => {
      const epsilon = 1e-5;
      const on = plain ? small : device;
      const half = (e: string) => (e === 'f32' ? 'float32' : 'float16');
      const real = (e: string, shape: number[], s: number, offset = 0) => {
        const tensor = noise(half(e), shape, s);
        return Float64Array.from(realOf(tensor).data, (value) => Math.fround(value + offset));
      };
      const x = real(element, [rows, width], seed, element === 'f32' ? mean : 0);
      const scale = real(weight, [width], seed + 1);
      const shift = real(weight, [width], seed + 2);
      const kernel = layerNorm(
        { width, epsilon, bias, element, weight, count: 'tokens' },
        on.limits,
      );
      const { normed = [] } = await runKernel(
        on,
        kernel,
        { tokens: rows },
        {
          x: { rows, columns: width, data: x },
          scale: { rows: 1, columns: width, data: scale },
          bias: { rows: 1, columns: width, data: shift },
          normed: zeros(rows, width),
        },
      );
      const want = x.map((value, i) => {
        const row = x.subarray(i - (i % width), i - (i % width) + width);
        const middle = row.reduce((a, b) => a + b, 0) / width;
        const spread = row.reduce((a, b) => a + (b - middle) ** 2, 0) / width;
        const by = (value - middle) / Math.sqrt(spread + epsilon);
        return by * (scale[i % width] ?? 0) + (bias ? (shift[i % width] ?? 0) : 0);
      });
      expect(worstOf(normed, want)).toBeLessThan(element === 'f32' ? 1e-4 : 2e-3);
    }),
    { numRuns: 40 },
  );
});
