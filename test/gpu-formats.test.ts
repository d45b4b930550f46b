// Every golden case for both targets, in every dtype that brings kernels of its own: our own GPU
// runtime and ONNX Runtime read the same file alike.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Task } from '../src/base/config.ts';
import { modelPaths, type Target, type WeightFormat, weightFormats } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { parseKeepRule } from '../src/quantize/keep.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { convertCase } from './output-folder.ts';
import { type Calls, differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const device = sharedDevice();
const targets: readonly Target[] = ['onnxruntime', 'portable'];

/** How far they may be apart, as a part of the largest output: by the rounding of halves, or of sums. */
const most: Readonly<Record<WeightFormat, number>> = {
  fp32: 1e-4,
  fp16: 2e-2,
  q8: 1e-4,
  q4: 1e-4,
  q4f16: 2e-2,
};

interface Row extends Pick<ConvertOptions, 'dtypes' | 'target' | 'quantization'> {
  readonly calls?: readonly Calls[];
  readonly withReference?: boolean;
}

/** Dtypes in which the runtimes are farther apart, in words. */
async function disagreements(
  name: string,
  { dtypes, target, quantization, calls = ['padded'], withReference = false }: Row,
): Promise<readonly string[]> {
  const { path } = await convertCase(name, {
    dtypes,
    target,
    quantization: { accuracyLevel: 0, ...quantization }, // activations are not rounded
    fp16Check: false,
    debug: true,
  });
  const models = await openFolder(join(path, 'onnx'));
  const found: string[] = [];
  for (const dtype of dtypes) {
    const file = modelPaths[dtype].replace('onnx/', '');
    const { model, engine } = await loadModel(device(), models, file);
    const reference = withReference ? [await openReferenceFile(models, file)] : [];
    const runtime = await openOnnxRuntime(join(path, modelPaths[dtype]));
    const runners = [gpuRunner(engine, model), runtime, ...reference] as const;
    const difference = await differenceOf(runners, await opened(name), calls);
    if (!(difference < most[dtype])) found.push(`${dtype} by ${difference}`);
  }
  return found;
}

/** The kernels of other cases but for a head, a window or one layer less: both elements, both widths. */
const alike: readonly string[] = ['clm-bf16', 'clm-legacy-bin', 'shakespeare-mood'];

const dtypesOf = (name: string): readonly WeightFormat[] =>
  alike.includes(name) ? ['fp32', 'q8', 'q4f16'] : weightFormats;

/** For both targets the GPU runs the same steps: more than how it reads weights is asked of one. */
const callsOf = (task: Task, target: Target): readonly Calls[] =>
  task === 'text-generation' && target === 'onnxruntime' ? ['padded', 'beyond'] : ['padded'];

/** Many pipelines to compile on a software GPU. */
const timeout = 300_000;

describe.each(goldenCases)('%s', (name) => {
  test.each(targets)('means the same in its dtypes, for %s', { timeout }, async (target) => {
    const calls = callsOf((await opened(name)).task, target);
    expect(await disagreements(name, { dtypes: dtypesOf(name), target, calls })).toEqual([]);
  });
});

/** Rows of 48 and 80 codes, and of 64 and 96: some fill their blocks, and some do not. */
const schemes = [
  ['clm-biases-untied', { blockSize: 16, symmetry: 'asymmetric' }],
  ['clm-biases-untied', { blockSize: 128, symmetry: 'asymmetric' }],
  ['clm-default', { blockSize: 64, symmetry: 'symmetric' }],
] as const;

describe.each(schemes)('%s with %o', (name, quantization) => {
  test.each(targets)('means the same, for %s', { timeout }, async (target) => {
    const dtypes = ['q8', 'q4'] as const;
    expect(await disagreements(name, { dtypes, target, quantization })).toEqual([]);
  });
});

describe.each([
  ['clm-default', ['embeddings=fp16', 'layers.*.mlp.*=q8']],
  ['clm-biases-untied', ['embeddings=q8', 'layers.0.*=fp16', 'layers.*.mlp.Wo=q8', 'head=fp32']],
] as const)('%s with %j', (name, mix) => {
  test.each(targets)('means the same to the reference too, for %s', { timeout }, async (target) => {
    const quantization = { keep: mix.map(parseKeepRule) };
    const row = { dtypes: ['q4', 'q4f16'], target, quantization, withReference: true } as const;
    expect(await disagreements(name, row)).toEqual([]);
  });
});
