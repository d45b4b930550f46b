// The proof on our own GPU runtime: every golden case, both targets, in every way people run models.

import { describe, expect, test } from 'vitest';
import type { Target, WeightFormat } from '../src/base/manifest.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { verifyRunner } from '../src/validate/protocol.ts';
import type { VerifyReport } from '../src/validate/report.ts';
import { convertedCase } from './converted-case.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { goldenOf } from './output-folder.ts';

const worstDifference = 1e-3;
const opened = goldenOpener();
const device = sharedDevice();

async function measure(name: string, target: Target, dtype: WeightFormat): Promise<VerifyReport> {
  const { config, task } = await opened(name);
  const models = await convertedCase(name, target);
  const file = dtype === 'fp32' ? 'model.onnx' : 'model_fp16.onnx';
  const { model, engine } = await loadModel(device(), models, file);
  const runner = gpuRunner(engine, model);
  try {
    return await verifyRunner(runner, await goldenOf(name), config, task, dtype);
  } finally {
    await runner.close();
  }
}

/** A prompt of 314 tokens and continuations of 24: minutes on a software GPU. */
const timeout = 300_000;

describe.each(goldenCases)('%s', (name) => {
  test('agrees with transformers in float32', { timeout }, async () => {
    const { checks, figures, task } = await measure(name, 'onnxruntime', 'fp32');
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(figures['maxDifference']).toBeLessThanOrEqual(worstDifference);
    expect(figures['greedy']).toBe(task === 'text-generation' ? 1 : undefined);
  });
});

test.each(['base-model', 'clm-biases-untied', 'cls-three-labels'])(
  '%s agrees with transformers in half floats, and for the portable target',
  { timeout },
  async (name) => {
    const { checks } = await measure(name, 'portable', 'fp16');
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
  },
);
