import { expect, test } from 'vitest';
import { gatherRows } from '../../../ops/gather/kernel.ts';
import { testDevice } from '../../../test/gpu.ts';
import { Executor } from './execute.ts';

test('models on one device compile a kernel once, and ask again for one that failed', async () => {
  const device = await testDevice();
  const { gpu } = device;
  const compile = gpu.createComputePipelineAsync.bind(gpu);
  let [compiled, fails] = [0, true];
  gpu.createComputePipelineAsync = async (descriptor) => {
    compiled++;
    if (fails) throw new Error('out of memory');
    return await compile(descriptor);
  };
  const shape = { columns: 8, table: 'f32', output: 'f32', count: 'tokens' } as const;
  const kernels = [gatherRows(shape, device.limits), gatherRows(shape, device.limits)];
  const executors = Array.from({ length: 3 }, () => new Executor(device));
  for (const executor of executors) {
    await expect(executor.prepare(kernels)).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
  }
  expect(compiled).toBe(3);
  fails = false;
  await Promise.all(executors.map((executor) => executor.prepare(kernels)));
  expect(compiled).toBe(4);
  executors[0]?.destroy();
  await new Executor(device).prepare(kernels);
  expect(compiled).toBe(4);
  expect(executors.map((executor) => executor.compiled)).toEqual([0, 1, 1]);
  device.destroy();
});
