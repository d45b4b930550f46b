import { expect, test } from 'vitest';
import { convertedCase } from '../../../test/converted-case.ts';
import { goldenCases, goldenOpener } from '../../../test/golden-case.ts';
import { must } from '../../../test/must.ts';
import { fromHalf } from '../../base/half.ts';
import type { Feeds, Runner } from '../../base/runner.ts';
import type { Tensor } from '../../base/tensors.ts';
import type { GoldenPrompt } from '../../validate/golden.ts';
import { openReferenceFile } from './open.ts';

const openCase = goldenOpener();

// Longer prompts show nothing more and take seconds.
const mostTokens = 100;

const tokensOf = ({ inputIds }: GoldenPrompt): number => inputIds.data.length;

/** A whole prompt with an empty cache. */
function feedsOf(runner: Runner, { inputIds, attentionMask }: GoldenPrompt): Feeds {
  const [batch = 0] = inputIds.shape;
  const feeds: Record<string, Tensor> = { input_ids: inputIds, attention_mask: attentionMask };
  for (const [name, { dtype, shape }] of runner.inputs) {
    if (name === 'num_logits_to_keep') {
      feeds[name] = { dtype, shape: [], data: BigInt64Array.of(0n) };
    } else if (name.startsWith('past_key_values.')) {
      const [, heads, , headDim] = shape.map(Number);
      const data = dtype === 'float16' ? new Uint16Array(0) : new Float32Array(0);
      feeds[name] = { dtype, shape: [batch, heads ?? 0, 0, headDim ?? 0], data };
    }
  }
  return feeds;
}

/** The largest difference at real tokens, in parts of the largest expected number. */
async function differenceOf(runner: Runner, prompt: GoldenPrompt): Promise<number> {
  const results = await runner.run(feedsOf(runner, prompt));
  const got = must(results.get(runner.outputs[0] ?? ''), 'output');
  const want = must(prompt.logits ?? prompt.lastHiddenState, 'golden');
  expect(got.shape).toEqual(want.shape);
  expect(got.dtype).toBe('float32');
  const width = want.shape.at(-1) ?? 1;
  const padding = (i: number): boolean =>
    want.shape.length === 3 && prompt.attentionMask.data[Math.floor(i / width)] === 0n;
  let [worst, largest] = [0, 0];
  for (const [i, value] of want.data.entries()) {
    if (padding(i)) continue;
    const difference = Math.abs(Number(got.data[i]) - value);
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(value));
  }
  return worst / largest;
}

test.each(goldenCases)('computes what transformers computed: %s', async (name) => {
  const { prompts } = await openCase(name);
  const [first, ...others] = prompts
    .filter((prompt) => tokensOf(prompt) <= mostTokens)
    .toSorted((a, b) => tokensOf(a) - tokensOf(b));
  const shortest = must(first, 'short prompt');

  const folder = await convertedCase(name, 'onnxruntime');
  const runner = await openReferenceFile(folder, 'model.onnx');
  expect(runner.name).toBe('reference (float64)');
  for (const prompt of [shortest, ...others]) {
    expect(await differenceOf(runner, prompt)).toBeLessThan(5e-6);
  }
  // Only weights and constants are rounded, so it is closer than a half float's own steps.
  const half = await openReferenceFile(folder, 'model_fp16.onnx');
  for (const prompt of [shortest, ...others.slice(0, 1)]) {
    expect(await differenceOf(half, prompt)).toBeLessThan(5e-3);
  }

  const portable = await openReferenceFile(await convertedCase(name, 'portable'), 'model.onnx');
  const feeds = feedsOf(runner, shortest);
  expect(await portable.run(feeds)).toEqual(await runner.run(feeds));
});

test('gives a cache in half floats as bits', async () => {
  const folder = await convertedCase('clm-default', 'onnxruntime');
  const { prompts } = await openCase('clm-default');
  const prompt = must(
    prompts.find(({ name }) => name === 'single'),
    'prompt',
  );
  const caches = await Promise.all(
    ['model.onnx', 'model_fp16.onnx'].map(async (file) => {
      const runner = await openReferenceFile(folder, file);
      const results = await runner.run(feedsOf(runner, prompt));
      return must(results.get('present.0.key'), 'cache');
    }),
  );
  const [whole, half] = caches;
  expect(half?.dtype).toBe('float16');
  expect(half?.shape).toEqual(whole?.shape);
  for (const [i, value] of (whole?.data ?? []).entries()) {
    expect(fromHalf(Number(half?.data[i]))).toBeCloseTo(Number(value), 2);
  }
});

test('refuses a folder without the model', async () => {
  const folder = await convertedCase('base-model', 'portable');
  await expect(openReferenceFile(folder, 'model_q4.onnx')).rejects.toMatchObject({
    code: 'INPUT_MISSING',
  });
});
