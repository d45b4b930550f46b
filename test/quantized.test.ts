// Quantized models of golden cases: what ONNX Runtime computes with them is what their codes
// mean, and a trained model stays close to itself.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { parseKeepRule } from '../src/quantize/keep.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { convertCase, goldenOf, type OutputFolder, verifyFolder } from './output-folder.ts';
import { differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const formats = ['q8', 'q4', 'q4f16'] as const satisfies readonly WeightFormat[];
const targets: readonly Target[] = ['onnxruntime', 'portable'];

const fileOf = (format: WeightFormat): string => modelPaths[format].replace('onnx/', '');

/** Trained models are larger; what they compute is held below, and by our GPU runtime. */
const small = goldenCases.filter((name) => !name.startsWith('shakespeare'));

const schemes: readonly NonNullable<ConvertOptions['quantization']>[] = [
  { accuracyLevel: 0 },
  { accuracyLevel: 0, blockSize: 64, symmetry: 'symmetric' },
  { accuracyLevel: 0, blockSize: 16, symmetry: 'asymmetric' },
];

/** Cases that are stored in other ways differ in nothing that a scheme reads: one is enough. */
const schemesOf = (name: string): typeof schemes =>
  ['clm-bf16', 'clm-legacy-bin'].includes(name) ? schemes.slice(0, 1) : schemes;

describe.each(small)('%s', (name) => {
  test.each(targets)(
    'means the same to ONNX Runtime and to the reference, for %s',
    async (target) => {
      const opening = await opened(name);
      for (const quantization of schemesOf(name)) {
        const output = await convertCase(name, {
          dtypes: formats,
          target,
          quantization,
          debug: true,
        });
        for (const format of formats) {
          const models = await openFolder(join(output.path, 'onnx'));
          const reference = await openReferenceFile(models, fileOf(format));
          const runtime = await openOnnxRuntime(join(output.path, modelPaths[format]));
          const difference = await differenceOf([reference, runtime], opening);
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

test.each([
  ['clm-default', {}],
  ['clm-biases-untied', { blockSize: 16 }],
  ['base-model', { blockSize: 128, symmetry: 'symmetric' }],
] as const)('%s means the same for both targets, with %o', async (name, quantization) => {
  const opening = await opened(name);
  const runners = targets.map(async (target) => {
    const { path } = await convertCase(name, { dtypes: ['q4'], target, quantization });
    return await openReferenceFile(await openFolder(join(path, 'onnx')), fileOf('q4'));
  });
  const [contrib, portable] = await Promise.all(runners);
  if (!contrib || !portable) throw new Error('there are two targets');
  expect(await differenceOf([contrib, portable], opening)).toBeLessThan(1e-9);
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

test('a mix has the same bytes alone and beside others', async () => {
  const rules = ['layers.0.*=q8', 'q8:embeddings=fp16'].map(parseKeepRule);
  const hashes = async (dtypes: readonly WeightFormat[]): Promise<readonly string[]> => {
    const keep = rules.filter(({ dtype }) => dtype === undefined || dtypes.includes(dtype));
    const target = 'onnxruntime';
    const { manifest } = await convertCase('clm-default', {
      dtypes,
      target,
      quantization: { keep },
    });
    expect(manifest.quantization?.keep).toEqual(keep);
    const models = manifest.outputs.filter(({ path }) => path.startsWith('onnx/'));
    return models.map(({ path, sha256 }) => `${path} ${sha256}`);
  };
  const apart = [...(await hashes(['q8'])), ...(await hashes(['q4']))];
  expect((await hashes(['q8', 'q4'])).toSorted()).toEqual(apart.toSorted());
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
