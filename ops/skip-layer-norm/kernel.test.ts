import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { float } from '../../src/ir/attributes.ts';
import type { Device } from '../../src/runtime/gpu/device.ts';
import type { Element } from '../../src/wgsl.ts';
import { noise, realOf } from '../../test/agree.ts';
import { elementsOf, runKernel, testDevice, worstOf, zeros } from '../../test/gpu.ts';
import { skipLayerNorm } from './kernel.ts';
import { reference } from './reference.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

test('the kernel is SkipLayerNorm', async () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    width: fc.constantFrom(4, 64, 252, 768),
    bias: fc.boolean(),
    element: fc.constantFrom(...elementsOf(device)),
    weight: fc.constantFrom(...elementsOf(device)),
    count: fc.constantFrom('tokens' as const, 'kept' as const),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ rows, seed, ...shape }) => {
      const { width, bias, element, weight, count } = shape;
      const real = (of: Element, axes: readonly number[], added: number) =>
        realOf(noise(of === 'f32' ? 'float32' : 'float16', axes, seed + added, 3));
      const [x, skip] = [real(element, [rows, width], 0), real(element, [rows, width], 1)];
      const [gamma, beta] = [real(weight, [width], 2), real(weight, [width], 3)];
      const epsilon = 1e-5;
      const { normed = [], sum = [] } = await runKernel(
        device,
        skipLayerNorm({ ...shape, epsilon }, device.limits),
        { [count]: rows },
        {
          x: { rows, columns: width, data: x.data },
          skip: { rows, columns: width, data: skip.data },
          scale: { rows: 1, columns: width, data: gamma.data },
          bias: { rows: 1, columns: width, data: beta.data },
          normed: zeros(rows, width),
          sum: zeros(rows, width),
        },
      );
      const [y, added] = reference([x, skip, gamma, ...(bias ? [beta] : [])], {
        epsilon: float(epsilon),
      });
      expect(worstOf(sum, added?.data ?? [])).toBeLessThan(element === 'f32' ? 1e-6 : 1e-3);
      expect(worstOf(normed, y?.data ?? [])).toBeLessThan(element === 'f32' ? 1e-5 : 4e-3);
    }),
    { numRuns: 40 },
  );
});
