import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../src/runtime/gpu/device.ts';
import { header, type Kernel, mainParameters } from '../src/wgsl.ts';
import { runKernel, testDevice, worstOf } from '../test/gpu.ts';
import { activationOf, activations } from './activations.ts';
import { activationsInWgsl } from './activations-wgsl.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

test('every activation has its WGSL', () => {
  expect([...activationsInWgsl.keys()]).toEqual([...activations.keys()]);
  for (const { wgsl } of activations.values()) expect(wgsl).toContain('fn activate(');
});

const names = [...activations.keys()];

test.each(names)('%s on the GPU computes what it computes in double precision', async (name) => {
  const steps = Float32Array.from({ length: 12_001 }, (_, i) => (i - 6000) / 100);
  const tiny = [0, -0, 1e-3, -1e-3, 1e-5, -1e-7, 1e-20, -1e-30];
  const x = Float32Array.of(...steps, ...tiny);
  const y = await applied(name, x);
  expect(worstOf(y, Array.from(x, activationOf(name).apply))).toBeLessThan(1e-6);
});

test.each(names)('%s on the GPU is finite wherever float16 is', async (name) => {
  const x = Float32Array.of(1000, -1000, 65_504, -65_504);
  const y = await applied(name, x);
  expect(worstOf(y, Array.from(x, limitOf(name)))).toBeLessThan(1e-6);
});

test.each(['gelu', 'gelu_new', 'silu', 'mish', 'tanh', 'elu'])(
  '%s on the GPU keeps the digits of small values',
  async (name) => {
    const x = Float32Array.from({ length: 400 }, (_, i) => (i % 2 ? 1 : -1) * 1.1 ** -i);
    const y = await applied(name, x);
    for (const [i, value] of x.entries()) {
      const want = activationOf(name).apply(value);
      expect(Math.abs((y[i] ?? Number.NaN) / want - 1)).toBeLessThan(2e-6);
    }
  },
);

/** The activation, where exp overflows on the way to a finite result. */
function limitOf(name: string): (x: number) => number {
  return name === 'mish' ? (x) => Math.max(x, 0) : activationOf(name).apply;
}

async function applied(name: string, x: Float32Array): Promise<Float64Array | Uint32Array> {
  const { y = [] } = await runKernel(
    device,
    kernelOf(activationOf(name).wgsl),
    { tokens: Math.ceil(x.length / 4) },
    { x: { rows: 1, columns: x.length, data: x }, y: { rows: 1, columns: x.length, data: x } },
  );
  return Float64Array.from(y);
}

function kernelOf(wgsl: string): Kernel {
  const bindings = [
    { name: 'x', access: 'read', element: 'f32' },
    { name: 'y', access: 'read_write', element: 'f32' },
  ] as const;
  return {
    name: 'activate',
    bindings,
    wgsl: `${header(bindings)}
${wgsl}

@compute @workgroup_size(64)
fn main(
  ${mainParameters}
) {
  let i = group.x * 64u + thread;
  if (i < lengths.tokens) { y[i] = activate(x[i]); }
}
`,
    grid: ({ tokens }) => [Math.ceil(tokens / 64), 1, 1],
  };
}
