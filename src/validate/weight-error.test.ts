// Converted models' weights, read from the files again, against the checkpoint's own.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { weightRow } from '../../ops/matmul-nbits/reference.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { blobFolder } from '../checkpoint/memory-source.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import type { Target } from '../base/manifest.ts';
import { convert } from '../convert.ts';
import { memorySink } from '../onnx/memory-sink.ts';
import { storedWeights } from '../onnx/stored-weights.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import type { WeightFile } from './block-weight.ts';
import { type PartError, weightErrors } from './weight-error.ts';

const golden = join(import.meta.dirname, '../../golden');
const names = {
  fp32: 'model.onnx',
  fp16: 'model_fp16.onnx',
  q8: 'model_quantized.onnx',
  q4: 'model_q4.onnx',
  q4f16: 'model_q4f16.onnx',
} as const;
const dtypes = ['fp32', 'fp16', 'q8', 'q4', 'q4f16'] as const;

/** Opens what a case converts to. Blocks of 64 leave an odd number in a row, the last not full. */
async function filesOf(
  name: string,
  target: Target,
): Promise<(dtype: keyof typeof names) => Promise<WeightFile>> {
  const sink = memorySink();
  const quantization = { blockSize: 64 };
  await convert(await openFolder(join(golden, name)), sink, { dtypes, target, quantization });
  const models = [...sink.files].filter(([path]) => path.startsWith('onnx/'));
  const folder = blobFolder(
    'onnx',
    Object.fromEntries(models.map(([path, bytes]) => [path.slice('onnx/'.length), bytes])),
  );
  return async (dtype) => {
    const { model } = await verifyModelFiles(folder, names[dtype]);
    return { graph: model.graph, weights: storedWeights(folder, names[dtype]) };
  };
}

async function valuesOf(file: WeightFile, name: string): Promise<ArrayLike<number>> {
  const initializer = file.graph.initializers.find((each) => each.name === name);
  if (!initializer) throw new Error(`no ${name}`);
  return (await file.weights.read(initializer)).data;
}

const errorIn = (errors: readonly PartError[] | undefined, part: string): number =>
  errors?.find((each) => each.part === part)?.error ?? Number.NaN;

function relative(expected: ArrayLike<number>, actual: (at: number) => number): number {
  let [difference, weight] = [0, 0];
  for (const [at, value] of Array.from(expected).entries()) {
    difference += (actual(at) - value) ** 2;
    weight += value ** 2;
  }
  return Math.sqrt(difference / weight);
}

test('errors of halves are those of rounding', async () => {
  const open = await filesOf('shakespeare', 'onnxruntime');
  const base = await open('fp32');
  const found = await weightErrors(base, await open('fp16'));
  const table = await valuesOf(base, 'embeddings.tok_embeddings.weight');
  const expected = relative(table, (at) => fromHalf(toHalf(table[at] ?? 0)));
  expect(errorIn(found, 'embeddings')).toBeCloseTo(expected, 12);
  expect(found?.map(({ part }) => part)).toEqual([
    'embeddings',
    ...Array.from({ length: 7 }, (_, layer) => `layer ${layer}`),
    'head',
  ]);
  expect(await weightErrors(base, base)).toEqual(found?.map(({ part }) => ({ part, error: 0 })));
});

test('errors of codes are those of what MatMulNBits multiplies with', async () => {
  const open = await filesOf('shakespeare', 'onnxruntime');
  const [base, four] = [await open('fp32'), await open('q4')];
  const name = 'lm_head.dense.weight';
  const table = await valuesOf(base, name); // [columns, rows]
  const rows = {
    bits: 4,
    blockSize: 64,
    columns: 128,
    codes: await valuesOf(four, `${name}.codes`),
    scales: await valuesOf(four, `${name}.scales`),
    zeroPoints: await valuesOf(four, `${name}.zeros`),
  };
  const matrix = Array.from({ length: 128 }, (_, row) => weightRow(rows, row));
  const expected = relative(table, (at) => matrix[at % 128]?.[Math.floor(at / 128)] ?? Number.NaN);
  const found = errorIn(await weightErrors(base, four), 'head');
  expect(found).toBeCloseTo(expected, 12);
  expect(found).toBeGreaterThan(0.05);
  expect(found).toBeLessThan(0.15);
});

test.each(['shakespeare', 'clm-biases-untied'])(
  '%s has the same errors for both targets',
  async (name) => {
    const [contrib, portable] = [
      await filesOf(name, 'onnxruntime'),
      await filesOf(name, 'portable'),
    ];
    for (const dtype of ['q8', 'q4', 'q4f16'] as const) {
      const found = await weightErrors(await contrib('fp32'), await contrib(dtype));
      const same = await weightErrors(await portable('fp32'), await portable(dtype));
      expect(same?.map(({ part }) => part)).toEqual(found?.map(({ part }) => part));
      for (const { part, error } of found ?? []) {
        expect(errorIn(same, part)).toBeCloseTo(error, 12);
        expect(error).toBeLessThan(dtype === 'q8' ? 0.01 : 0.15);
        expect(error).toBeGreaterThan(1e-3);
      }
    }
  },
);

test('a file of other weights has no errors', async () => {
  const base = await (await filesOf('clm-default', 'onnxruntime'))('fp32');
  const other = await (await filesOf('clm-biases-untied', 'onnxruntime'))('q4');
  expect(await weightErrors(base, { ...other, graph: { ...other.graph, initializers: [] } })).toBe(
    undefined,
  );
});
