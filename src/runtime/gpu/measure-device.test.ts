import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKernel, testDevice, zeros } from '../../../test/gpu.ts';
import { leastLimits } from '../../wgsl.ts';
import type { Device } from './device.ts';
import { arithmeticKernel, copyKernel, measurePeaks } from './measure-device.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  device.destroy();
});

describe('what peaks are measured with', () => {
  it('copies every element of its blocks', async () => {
    const size = 3 * 256 * 4 * 4;
    const source = {
      rows: 1,
      columns: size,
      data: Float32Array.from({ length: size }, (_, i) => i),
    };
    const { copied } = await runKernel(
      device,
      copyKernel({ ...leastLimits, workgroupsPerDimension: 2 }),
      { tokens: 3 },
      { source, copied: zeros(1, size) },
    );
    expect(copied).toEqual(Float64Array.from(source.data));
  });

  it('multiplies and adds as often as it says', async () => {
    // of the factor 1 and the addend 1, every sum grows by the number of steps
    const threads = 4096 * 256;
    const values = { rows: 2, columns: 4, data: new Float32Array(8).fill(1) };
    const { results } = await runKernel(
      device,
      arithmeticKernel('f32', device.limits),
      { tokens: 3 },
      { values, results: zeros(threads, 4) },
    );
    const start = (thread: number): number => 4 * thread + 6; // of the four sums together
    expect(results?.[0]).toBe(start(0) + 4 * 8 * 3);
    expect(results?.at(-1)).toBe(start(255) + 4 * 8 * 3);
  });
});

it('peaks are rates that a processor can have', async () => {
  const { copyBytes, multiplyAdds } = await measurePeaks(device);
  for (const peak of [copyBytes, multiplyAdds.f32]) {
    expect(peak).toBeGreaterThan(1e6);
    expect(peak).toBeLessThan(1e17);
  }
  expect(multiplyAdds.f16 !== undefined).toBe(device.limits.shaderF16);
});
