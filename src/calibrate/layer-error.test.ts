// Converted models' weights, read from the files again and run, against the checkpoint's own.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { weightRow } from '../../ops/matmul-nbits/reference.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { blobFolder } from '../checkpoint/memory-source.ts';
import type { Target } from '../base/manifest.ts';
import { convert } from '../convert.ts';
import { openSource } from '../model/source.ts';
import { memorySink } from '../onnx/memory-sink.ts';
import { storedWeights } from '../onnx/stored-weights.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import type { WeightFile } from './block-weight.ts';
import { callingThread } from './engine.ts';
import { type LayerRun, layerErrors, layerSums, type PartError } from './layer-error.ts';
import { storedModel } from './stored-model.ts';
import { type Weights, weightsOf } from './weights.ts';
import { must } from '../../test/must.ts';

const golden = join(import.meta.dirname, '../../golden');
const names = {
  fp32: 'model.onnx',
  fp16: 'model_fp16.onnx',
  q8: 'model_quantized.onnx',
  q4: 'model_q4.onnx',
  q4f16: 'model_q4f16.onnx',
} as const;
const dtypes = ['fp32', 'fp16', 'q8', 'q4', 'q4f16'] as const;

interface Case {
  readonly open: (dtype: keyof typeof names) => Promise<WeightFile>;
  readonly run: LayerRun;
  /** The checkpoint's own weights. */
  readonly weights: Weights;
}

/** A case with what it converts to. Blocks of 64 leave an odd number in a row, the last not full. */
async function caseOf(name: string, target: Target): Promise<Case> {
  const sink = memorySink();
  const quantization = { blockSize: 64 };
  const source = await openFolder(join(golden, name));
  await convert(source, sink, { dtypes, target, quantization });
  const models = [...sink.files].filter(([path]) => path.startsWith('onnx/'));
  const folder = blobFolder(
    'onnx',
    Object.fromEntries(models.map(([path, bytes]) => [path.slice('onnx/'.length), bytes])),
  );
  const open = async (dtype: keyof typeof names): Promise<WeightFile> => {
    const { model } = await verifyModelFiles(folder, names[dtype]);
    return { graph: model.graph, weights: storedWeights(folder, names[dtype]) };
  };
  const { config, checkpoint } = await openSource(source, {});
  onTestFinished(() => checkpoint.close());
  const { graph: base } = await open('fp32');
  const tokens = Int32Array.from({ length: 24 }, (_, i) => (37 * i + 5) % config.vocabSize);
  return {
    open,
    run: { config, base, engine: callingThread, tokens },
    weights: weightsOf(checkpoint.tensors, callingThread),
  };
}

const cases = ['shakespeare', 'clm-biases-untied'];
const targets = ['onnxruntime', 'portable'] as const;
/** For comparisons of many numbers. */
const bytesOf = (data: Float32Array | undefined): string =>
  data === undefined
    ? 'none'
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');

const floatsFor = (length: number): Float32Array => new Float32Array(length);

/** Tensors of every kind: a row for each token, parts of one product, a product, a norm. */
const tensors = [
  'model.embeddings.tok_embeddings.weight',
  'model.layers.1.attn.q_proj.weight',
  'model.layers.1.attn.v_proj.weight',
  'model.layers.1.mlp.Wi.weight',
  'model.layers.1.mlp.Wo.weight',
  'model.layers.1.attn_norm.weight',
  'lm_head.dense.weight',
];

test.each(cases)(
  'the weights of %s in float32 are read as the checkpoint has them',
  async (name) => {
    const { open, run, weights } = await caseOf(name, 'onnxruntime');
    const stored = storedModel(await open('fp32'), run.base, floatsFor);
    const biases = tensors.map((tensor) => tensor.replace(/weight$/, 'bias'));
    for (const tensor of [...tensors, ...biases]) {
      expect(stored.has(tensor)).toBe(weights.has(tensor));
      expect(bytesOf(await stored.readIf(tensor))).toBe(bytesOf(await weights.readIf(tensor)));
    }
    const [query = ''] = tensors.slice(1);
    expect(stored.rows(query)).toBe(weights.rows(query));
    expect(stored.columns(query)).toBe(weights.columns(query));
    expect(await stored.readRows(query, 3, 5)).toEqual(await weights.readRows(query, 3, 5));
  },
);

test('weights of codes are what MatMulNBits multiplies with', async () => {
  const { open, run } = await caseOf('shakespeare', 'onnxruntime');
  const four = await open('q4');
  const valuesOf = async (part: string): Promise<ArrayLike<number>> => {
    const name = `lm_head.dense.weight.${part}`;
    const found = four.graph.initializers.find((each) => each.name === name);
    return (await four.weights.read(must(found, name))).data;
  };
  const rows = {
    bits: 4,
    blockSize: 64,
    columns: 128,
    codes: await valuesOf('codes'),
    scales: await valuesOf('scales'),
    zeroPoints: await valuesOf('zeros'),
  };
  const expected = Array.from({ length: 128 }, (_, row) => [...weightRow(rows, row)]);
  const stored = storedModel(four, run.base, floatsFor);
  expect([...(await stored.read('lm_head.dense.weight'))]).toEqual(
    expected.flat().map(Math.fround),
  );
});

test.each(cases)('%s has the same errors for both targets, larger for fewer bits', async (name) => {
  const found = new Map<string, readonly PartError[]>();
  for (const target of targets) {
    const { open, run } = await caseOf(name, target);
    const expected = await layerSums(await open('fp32'), run);
    for (const dtype of dtypes) {
      const errors = await layerErrors(await open(dtype), run, expected);
      expect(errors.map(({ part }) => part)).toEqual([...expected.keys()]);
      expect(found.get(dtype) ?? errors).toEqual(errors);
      found.set(dtype, errors);
    }
  }
  const errorsOf = (dtype: string): readonly number[] =>
    must(found.get(dtype), dtype).map(({ error }) => error);
  expect(errorsOf('fp32').every((error) => error === 0)).toBe(true);
  expect(errorsOf('q4f16').map((error) => error.toPrecision(2))).toEqual(
    errorsOf('q4').map((error) => error.toPrecision(2)),
  );
  for (const [layer, four] of errorsOf('q4').entries()) {
    const [eight, half] = [errorsOf('q8')[layer] ?? 0, errorsOf('fp16')[layer] ?? 0];
    expect(four).toBeGreaterThan(5 * eight);
    expect(eight).toBeGreaterThan(5 * half);
    expect(half).toBeGreaterThan(0);
  }
});

test('a weight that differs is seen from its layer on', async () => {
  const { open, run } = await caseOf('shakespeare', 'onnxruntime');
  const file = await open('fp32');
  const { weights } = file;
  const other: WeightFile = {
    ...file,
    weights: {
      ...weights,
      read: async (initializer) => {
        const values = await weights.read(initializer);
        if (initializer.name !== 'layers.3.mlp.Wo.weight') return values;
        return { ...values, data: values.data.map((value, i) => (i === 5 ? value + 0.1 : value)) };
      },
    },
  };
  const errors = await layerErrors(other, run, await layerSums(file, run));
  expect(errors.map(({ error }) => error > 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => i > 3));
});

test('a file that lacks a weight is refused', async () => {
  const { open, run } = await caseOf('clm-default', 'onnxruntime');
  const file = await open('q4');
  const bare = { ...file, graph: { ...file.graph, initializers: [] } };
  await expect(layerSums(bare, run)).rejects.toMatchObject({ code: 'WEIGHT_MISSING' });
});
