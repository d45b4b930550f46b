import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { string } from '../../src/ir/attributes.ts';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { noise, realOf } from '../../test/agree.ts';
import { elementsOf, runKernel, testDevice, worstOf, zeros } from '../../test/gpu.ts';
import { activations } from '../activations.ts';
import { geglu } from './kernel.ts';
import { reference } from './reference.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

test('the kernel is GeGLU, also where the second half begins within a vector', async () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    width: fc.constantFrom(1, 3, 6, 64, 389, 1152),
    activation: fc.constantFrom(...activations.keys()),
    element: fc.constantFrom(...elementsOf(device)),
    count: fc.constantFrom('tokens' as const, 'kept' as const),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ rows, seed, ...shape }) => {
      const { width, activation, element, count } = shape;
      const dtype = element === 'f32' ? 'float32' : 'float16';
      const x = realOf(noise(dtype, [rows, 2 * width], seed, 6));
      const { y = [] } = await runKernel(
        device,
        geglu(shape, device.limits),
        { [count]: rows },
        { x: { rows, columns: 2 * width, data: x.data }, y: zeros(rows, width) },
      );
      const [want] = reference([x], { activation: string(activation) });
      expect(worstOf(y, want?.data ?? [])).toBeLessThan(element === 'f32' ? 5e-6 : 1e-3);
    }),
    { numRuns: 60 },
  );
});
