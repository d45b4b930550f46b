// What the choice of formats measures: the KL divergence that ONNX Runtime's models have on the same
// tokens, also where it rounds activations; and the units of a model, alone.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelPaths, type WeightFormat } from '../src/base/manifest.ts';
import { type Model, modelOf } from '../src/base/model.ts';
import { Arena } from '../src/calibrate/arena.ts';
import { callingThread } from '../src/calibrate/engine.ts';
import { type KeptWeights, keptOnly, keptWeights } from '../src/calibrate/kept-weights.ts';
import { KlMeter } from '../src/calibrate/kl-meter.ts';
import type { TextModel } from '../src/calibrate/text.ts';
import { weightsOf } from '../src/calibrate/weights.ts';
import { completeSettings, formOf } from '../src/quantize/settings.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { divergence, logSoftmax } from '../src/validate/metrics.ts';
import { type GoldenCase, goldenOpener } from './golden-case.ts';
import { must } from './must.ts';
import { convertCase } from './output-folder.ts';

const opened = goldenOpener();

/** Weights are read into memory that is used again, as a conversion does. */
const memory = new Arena(callingThread);

const textModel = ({ config, task, tensors }: GoldenCase): TextModel => ({
  config,
  task,
  weights: weightsOf(tensors, callingThread, (length) => memory.floats(length)),
  engine: callingThread,
});

const products = /(_proj|Wo|Wi|dense|decoder|classifier|tok_embeddings)\.weight$/;

/** All products' weights in a dtype. */
function allIn(dtype: WeightFormat, model: TextModel): KeptWeights {
  const form = (name: string) => formOf(dtype, [name], completeSettings());
  return keptWeights(model.weights, {
    formOf: (name) => (products.test(name) ? form(name) : 'float32'),
    engine: callingThread,
  });
}

/** Some texts of unequal length with tokens of all of the vocabulary. */
function texts({ config }: GoldenCase, lengths: readonly number[]): readonly Int32Array[] {
  const tokens = config.vocabSize - 1;
  return lengths.map((length, row) =>
    Int32Array.from({ length }, (_, at) => 1 + ((17 + 31 * row + 101 * at * at) % (tokens - 1))),
  );
}

/** What a model says at every token of a text; a classifier sees each as the end of one. */
async function said(model: Model, text: Int32Array): Promise<readonly Float32Array[]> {
  const run = async (tokens: Int32Array): Promise<(at: number) => Float32Array> => {
    const ids = BigInt64Array.from(tokens, BigInt);
    const mask = new BigInt64Array(ids.length).fill(1n);
    const outputs = await model.run({ batch: 1, ids, mask });
    return (at) => outputs.vector(0, at);
  };
  if (model.task === 'text-generation') {
    const vector = await run(text);
    return [...text.keys()].map(vector);
  }
  const found: Float32Array[] = [];
  for (const at of text.keys()) found.push((await run(text.subarray(0, at + 1)))(0));
  return found;
}

describe.each([
  ['shakespeare', 'q8', 4, [90, 33]],
  ['shakespeare', 'q8', 0, [90, 33]],
  ['clm-biases-untied', 'q4', 4, [20, 9]],
  ['shakespeare-mood', 'q4', 4, [7, 4]],
] as const)('%s in %s at accuracy level %d', (name, dtype, accuracyLevel, lengths) => {
  test('is as far from fp32 as in ONNX Runtime', async () => {
    const golden = await opened(name);
    const model = textModel(golden);
    const sequences = texts(golden, lengths);
    const meter = new KlMeter(model, sequences, accuracyLevel === 4, memory);
    const { kl } = await meter.measure(allIn(dtype, model));
    const { path } = await convertCase(name, {
      dtypes: ['fp32', dtype],
      target: 'onnxruntime',
      quantization: { accuracyLevel },
    });
    const open = async (format: WeightFormat): Promise<Model> => {
      const runner = await openOnnxRuntime(join(path, modelPaths[format]));
      return modelOf(runner, golden.config, golden.task);
    };
    const [exact, rounded] = [await open('fp32'), await open(dtype)];
    const found: number[] = [];
    for (const text of sequences) {
      const [p, q] = [await said(exact, text), await said(rounded, text)];
      for (const [at, logits] of p.entries()) {
        found.push(divergence(logSoftmax(logits), logSoftmax(must(q[at], 'outputs'))));
      }
    }
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
    expect(meter.tokens).toBe(found.length);
    // half of what q8 moves is rounded activations, and one that lies between two codes may go either way
    expect(Math.abs(kl - mean) / mean).toBeLessThan(0.1);
  });
});

test('a unit alone is a model that has only that unit in other formats', async () => {
  for (const name of ['clm-default', 'clm-biases-untied', 'cls-three-labels']) {
    const golden = await opened(name);
    const model = textModel(golden);
    const names = [...golden.tensors.keys()].filter((tensor) => products.test(tensor));
    const [q, k, v, first, ...others] = [
      'q_proj',
      'k_proj',
      'v_proj',
      'tok_embeddings',
      'attn.Wo',
    ].flatMap((part) => names.filter((tensor) => tensor.includes(part)).slice(0, 1));
    const last = names.filter((tensor) => /dense|decoder|classifier/.test(tensor));
    const heads = last.toSorted(
      (a, b) => Number(b.includes('dense')) - Number(a.includes('dense')),
    );
    const units = [
      [must(first, 'a table')],
      [must(q, 'q'), must(k, 'k'), must(v, 'v')],
      ...[...others, ...heads].map((tensor) => [tensor]),
    ];
    const kept = allIn('q4', model);
    const meter = new KlMeter(model, texts(golden, [9, 14]), true, memory);
    const done: number[] = [];
    const alone = await meter.alone(units, kept, (count) => done.push(count));
    for (const [i, unit] of units.entries()) {
      const { kl } = await meter.measure(keptOnly(model.weights, kept, unit));
      expect([name, ...unit, alone[i]]).toEqual([name, ...unit, kl]);
      expect(kl).toBeGreaterThan(0);
    }
    expect(done).toEqual(units.map((_, i) => i + 1));
  }
});
