// Quantized models of every golden case: what ONNX Runtime computes with them is what their codes
// mean, and a trained model stays close to itself.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';
import { type Model, modelOf } from '../src/base/model.ts';
import type { Runner } from '../src/base/runner.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { convertCase, goldenOf, type OutputFolder, verifyFolder } from './output-folder.ts';

const opened = goldenOpener();
const formats = ['q8', 'q4', 'q4f16'] as const satisfies readonly WeightFormat[];
const targets: readonly Target[] = ['onnxruntime', 'portable'];

/** Two rows, the second one padded on the left. */
const length = 7;
const step = {
  batch: 2,
  ids: BigInt64Array.from({ length: 2 * length }, (_, i) => BigInt(5 + ((i * 17) % 60))),
  mask: BigInt64Array.from({ length: 2 * length }, (_, i) => (i >= length && i < 9 ? 0n : 1n)),
};

/** Outputs of every real token; of a classifier one a row. */
async function outputsOf(model: Model): Promise<readonly Float32Array[]> {
  const { kept, vector } = await model.run(step);
  return Array.from({ length: 2 * kept }, (_, i) => i)
    .filter((i) => kept === 1 || step.mask[i] === 1n)
    .map((i) => vector(Math.floor(i / kept), i % kept).slice());
}

/** The largest difference of two runtimes, as a part of the largest value. */
async function differenceOf(
  { path }: OutputFolder,
  format: WeightFormat,
  config: ModernBertDecoderConfig,
  task: Task,
): Promise<number> {
  const models = await openFolder(join(path, 'onnx'));
  const file = modelPaths[format].replace('onnx/', '');
  const runners: Runner[] = [
    await openReferenceFile(models, file),
    await openOnnxRuntime(join(path, modelPaths[format])),
  ];
  const [wanted = [], found = []] = await Promise.all(
    runners.map((runner) => outputsOf(modelOf(runner, config, task))),
  );
  for (const runner of runners) await runner.close();
  let [worst, largest] = [0, 0];
  for (const [row, values] of wanted.entries()) {
    for (const [i, value] of values.entries()) {
      largest = Math.max(largest, Math.abs(value));
      worst = Math.max(worst, Math.abs(value - (found[row]?.[i] ?? Number.NaN)));
    }
  }
  return worst / largest;
}

describe.each(goldenCases)('%s', (name) => {
  test.each(targets)(
    'means the same to ONNX Runtime and to the reference, for %s',
    async (target) => {
      const { config, task } = await opened(name);
      for (const quantization of [
        { accuracyLevel: 0 },
        { accuracyLevel: 0, blockSize: 64, symmetry: 'symmetric' },
        { accuracyLevel: 0, blockSize: 16, symmetry: 'asymmetric' },
      ] satisfies ConvertOptions['quantization'][]) {
        const output = await convertCase(name, {
          dtypes: formats,
          target,
          quantization,
          debug: true,
        });
        for (const format of formats) {
          const difference = await differenceOf(output, format, config, task);
          expect(difference).toBeLessThan(format === 'q4f16' ? 2e-2 : 1e-4);
        }
      }
    },
  );
});

test.each([
  { name: 'shakespeare', dtypes: ['q8', 'q4'], target: 'onnxruntime' },
  { name: 'shakespeare-mood', dtypes: formats, target: 'portable' },
] as const)('$name passes the gates of its formats, for $target', async ({ name, ...options }) => {
  const output = await convertCase(name, options);
  const { passed, files } = await verifyFolder(output, await goldenOf(name));
  expect(files.map(({ report }) => report.dtype)).toEqual(options.dtypes);
  expect(passed).toBe(true);
});

test('a format has the same bytes alone and beside others', async () => {
  const hashesOf = ({ manifest }: OutputFolder): ReadonlyMap<string, string> =>
    new Map(manifest.outputs.map(({ path, sha256 }) => [path, sha256]));
  const target = 'onnxruntime';
  const together = hashesOf(
    await convertCase('clm-biases-untied', { dtypes: ['fp32', 'fp16', ...formats], target }),
  );
  for (const format of ['fp32', ...formats] as const) {
    const alone = hashesOf(await convertCase('clm-biases-untied', { dtypes: [format], target }));
    for (const path of [modelPaths[format], `${modelPaths[format]}_data`]) {
      expect(alone.get(path)).toBeDefined();
      expect(together.get(path)).toBe(alone.get(path));
    }
  }
});

test('the manifest and config.json say what consumers need', async () => {
  const { manifest, path } = await convertCase('clm-default', {
    dtypes: ['fp32', ...formats],
    target: 'onnxruntime',
    quantization: { blockSize: 64 },
  });
  expect(manifest.quantization).toEqual({
    method: 'rtn',
    blockSize: 64,
    symmetry: 'auto',
    accuracyLevel: 4,
  });
  const file = await (await openFolder(path)).open('config.json');
  const bytes = (await file?.read(0, file.size)) ?? new Uint8Array();
  expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({
    'transformers.js_config': {
      use_external_data_format: {
        'model_quantized.onnx': 1,
        'model_q4.onnx': 1,
        'model_q4f16.onnx': 1,
      },
      kv_cache_dtype: { q4f16: 'float16' },
    },
  });
  await file?.close();
});

test.each([
  [{ blockSize: 48 }, 'a block has a power of two from 16 to 128 weights (blockSize=48)'],
  [{ blockSize: 8 }, 'a block has a power of two from 16 to 128 weights (blockSize=8)'],
  [{ accuracyLevel: 5 }, 'an accuracy level is a whole number from 0 to 4 (accuracyLevel=5)'],
] as const)('refuses %o', async (quantization, message) => {
  const converting = convertCase('clm-default', {
    dtypes: ['q4'],
    target: 'portable',
    quantization,
  });
  await expect(converting).rejects.toMatchObject({ code: 'USAGE', message });
});
