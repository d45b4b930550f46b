import { describe, expect, it } from 'vitest';
import { countBuffers } from '../../../test/buffer-count.ts';
import { testDevice } from '../../../test/gpu.ts';
import { noiseFolder, noiseName, tinyConfig } from '../../../test/noise-model.ts';
import { taskModel } from '../../../test/task-model.ts';
import { ToolkitError } from '../../base/errors.ts';
import { generate } from '../text/generate.ts';
import { gpuDecoder } from './decoder.ts';
import { loadModel } from './load.ts';

const folder = noiseFolder(taskModel(tinyConfig));

describe('three hundred generated tokens', () => {
  it('leave memory as it was after the first, and closing leaves nothing', async () => {
    const device = await testDevice();
    const count = countBuffers(device);
    const { engine } = await loadModel(device, folder, noiseName);
    const decoder = gpuDecoder(engine);
    const counts: ReturnType<typeof count>[] = [];
    const [generated] = await generate(decoder, [[1, 2, 3]], {
      maxNewTokens: 300,
      onToken: () => void counts.push(count()),
    });
    expect(generated?.ids).toHaveLength(300);
    // buffers stay as many; the full layer grows from 256 slots to 512, and tables by little
    const later = counts.slice(2);
    expect(new Set(later.map(({ buffers }) => buffers)).size).toBe(1);
    const capacities = later.map(({ bytes }) => bytes);
    const grown = capacities.flatMap((bytes, i) =>
      i > 0 && bytes !== capacities[i - 1] ? [i] : [],
    );
    expect(grown.length).toBeLessThanOrEqual(4);
    const growth = Math.max(...capacities) - Math.min(...capacities);
    const slots = 2 * (512 - 256) * 16 * 4;
    expect(growth).toBeGreaterThanOrEqual(slots);
    expect(growth).toBeLessThanOrEqual(slots + 1024);
    await decoder.close();
    expect(count()).toMatchObject({ buffers: 0, bytes: 0 });
    device.destroy();
  });
});

describe('a device that is lost', () => {
  it('in the middle of a generation is an error that says so; a session on another works', async () => {
    const device = await testDevice();
    const { engine } = await loadModel(device, folder, noiseName);
    const decoder = gpuDecoder(engine);
    let tokens = 0;
    const lost = await failureOf(
      generate(decoder, [[1, 2, 3]], {
        maxNewTokens: 1000,
        onToken: () => {
          if (++tokens === 5) device.gpu.destroy();
        },
      }),
    );
    expect(tokens).toBe(5);
    expectLost(lost);
    expectLost(await failureOf(generate(decoder, [[1]], { maxNewTokens: 1 })));
    expectLost(await failureOf(loadModel(device, folder, noiseName)));
    await decoder.close();

    const next = await testDevice();
    const again = await loadModel(next, folder, noiseName);
    const [generated] = await generate(gpuDecoder(again.engine), [[1, 2, 3]], { maxNewTokens: 3 });
    expect(generated?.ids).toHaveLength(3);
    again.engine.destroy();
    next.destroy();
  });

  it('while a result is waited for is the same error', async () => {
    const device = await testDevice();
    const { engine } = await loadModel(device, folder, noiseName);
    const decoding = await gpuDecoder(engine).start(1);
    const ask = { count: 1, repetitionPenalty: 1 };
    await decoding.append([[1, 2, 3]], ask);
    const step = failureOf(
      Promise.all(Array.from({ length: 20 }, () => decoding.append([[1]], ask))),
    );
    device.gpu.destroy();
    expectLost(await step);
    engine.destroy();
  });
});

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'nothing failed',
    (error: unknown) => error,
  );
}

function expectLost(error: unknown): void {
  expect(error).toBeInstanceOf(ToolkitError);
  expect(error).toMatchObject({
    code: 'RUNTIME_FAILED',
    message: expect.stringMatching(
      /the GPU device was lost .*: load the model again on a new device/,
    ),
  });
}
