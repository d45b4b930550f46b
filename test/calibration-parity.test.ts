// What calibration runs through the model: the same numbers as transformers computes, or its inputs
// would be those of another model.

import { expect, test } from 'vitest';
import { callingThread } from '../src/calibrate/engine.ts';
import { stepsOf } from '../src/calibrate/steps.ts';
import { embedding, Stream } from '../src/calibrate/stream.ts';
import { weightsOf } from '../src/calibrate/weights.ts';
import { openWriter } from '../src/calibrate/writer.ts';
import { type GoldenCase, goldenCases, goldenOpener } from './golden-case.ts';

const opened = goldenOpener();

/** Inputs of the last product of a language model's head, for all tokens. */
async function headInputs(
  { config, task, tensors }: GoldenCase,
  sequences: readonly Int32Array[],
): Promise<Float32Array> {
  const weights = weightsOf(tensors, callingThread);
  const stream = new Stream(config, weights, callingThread, sequences);
  await stream.embed(await weights.read(embedding));
  let inputs: Float32Array = new Float32Array();
  for (const step of stepsOf(config, task, 'decoder.weight')) {
    inputs = await step.inputs(stream, weights.read);
  }
  return inputs;
}

/** Logits of one row of inputs. */
async function logitsOf({ config, tensors }: GoldenCase, row: Float32Array): Promise<Float32Array> {
  const weights = weightsOf(tensors, callingThread);
  const [inDim, outDim] = [config.hiddenSize, config.vocabSize];
  const weight = (await weights.readIf('decoder.weight')) ?? (await weights.read(embedding));
  const bias = await weights.readIf('decoder.bias');
  const out = new Float32Array(outDim);
  await callingThread.multiply({ x: row, rows: 1, weight, inDim, outDim, out });
  return out.map((value, i) => value + (bias?.[i] ?? 0));
}

function distance(a: Float32Array, b: Float32Array): number {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0.1);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0) / largest;
}

const languageModels = goldenCases.filter((name) => /^clm|^shakespeare$/.test(name));

test.each(languageModels)('%s: layers and text writing agree with transformers', async (name) => {
  const golden = await opened(name);
  const { config, prompts, tensors } = golden;
  const texts = prompts.flatMap(({ inputIds, logits, attentionMask }) => {
    const isWhole = inputIds.shape[0] === 1 && attentionMask.data.every((bit) => bit === 1n);
    const length = inputIds.data.length;
    if (!isWhole || logits?.shape[1] !== length || length > 80) return [];
    return [
      { ids: Int32Array.from(inputIds.data, Number), logits: Float32Array.from(logits.data) },
    ];
  });
  expect(texts.length).toBeGreaterThan(0);
  const rows = await headInputs(
    golden,
    texts.map(({ ids }) => ids),
  );
  const writer = await openWriter(config, weightsOf(tensors, callingThread), callingThread, 80);
  let at = 0;
  for (const { ids, logits } of texts) {
    at += ids.length;
    const last = logits.subarray(-config.vocabSize);
    const row = rows.subarray((at - 1) * config.hiddenSize, at * config.hiddenSize);
    expect(distance(await logitsOf(golden, row), last)).toBeLessThan(5e-5);
    const caches = writer.caches(1);
    let written: Float32Array = new Float32Array();
    for (const [position, id] of ids.entries()) written = await writer.step([id], position, caches);
    expect(distance(written, last)).toBeLessThan(5e-5);
  }
});

test('texts written side by side do not see each other', async () => {
  const { config, tensors } = await opened('clm-default');
  const writer = await openWriter(config, weightsOf(tensors, callingThread), callingThread, 30);
  const texts = [0, 1, 2].map((text) => Array.from({ length: 30 }, (_, i) => 7 * i + 31 * text));
  const together = writer.caches(texts.length);
  const alone = texts.map(() => writer.caches(1));
  for (let position = 0; position < 30; position++) {
    const ids = texts.map((text) => text[position] ?? 0);
    const logits = await writer.step(ids, position, together);
    for (const [row, caches] of alone.entries()) {
      const own = await writer.step([ids[row] ?? 0], position, caches);
      expect(logits.subarray(row * config.vocabSize, (row + 1) * config.vocabSize)).toEqual(own);
    }
  }
});
