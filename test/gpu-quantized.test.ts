// Quantized models on our own GPU runtime: what it makes of the codes is what they mean.

import { describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { convertCase } from './output-folder.ts';
import { differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const device = sharedDevice();

async function difference(
  name: string,
  format: WeightFormat,
  target: Target,
  quantization: ConvertOptions['quantization'] = {},
): Promise<number> {
  const { path } = await convertCase(name, { dtypes: [format], target, quantization });
  const models = await openFolder(join(path, 'onnx'));
  const file = modelPaths[format].replace('onnx/', '');
  const { model, engine } = await loadModel(device(), models, file);
  const runners = [await openReferenceFile(models, file), gpuRunner(engine, model)] as const;
  return await differenceOf(runners, await opened(name));
}

const timeout = 120_000;

describe.each(goldenCases)('%s', (name) => {
  test.each(['q8', 'q4'] as const)('means the same in %s', { timeout }, async (format) => {
    expect(await difference(name, format, 'onnxruntime')).toBeLessThan(1e-4);
  });

  test('means the same in q4f16, but for the rounding of halves', { timeout }, async () => {
    expect(await difference(name, 'q4f16', 'onnxruntime')).toBeLessThan(2e-2);
  });
});

describe('clm-biases-untied', () => {
  test.each([
    ['q4', { symmetry: 'symmetric' }],
    ['q4', { blockSize: 16 }],
    ['q8', { symmetry: 'asymmetric', blockSize: 128 }],
  ] as const)('means the same in %s with %o', { timeout }, async (format, quantization) => {
    const found = await difference('clm-biases-untied', format, 'onnxruntime', quantization);
    expect(found).toBeLessThan(1e-4);
  });
});

test.each([
  ['clm-default', 'q8'],
  ['shakespeare-mood', 'q4'],
  ['shakespeare', 'q4f16'],
] as const)('%s in %s is read packed for portable too', { timeout }, async (name, format) => {
  const most = format === 'q4f16' ? 2e-2 : 1e-4;
  expect(await difference(name, format, 'portable')).toBeLessThan(most);
});
