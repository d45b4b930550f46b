import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countBuffers } from '../../../test/buffer-count.ts';
import { convertedOutput } from '../../../test/converted-case.ts';
import { testDevice, worstOf } from '../../../test/gpu.ts';
import { must } from '../../../test/must.ts';
import { goldenOf } from '../../../test/output-folder.ts';
import type { Device } from './device.ts';
import type { LoadProgress } from './load.ts';
import type { Output } from '../output.ts';
import { load } from './session.ts';

let device: Device;
let writer: Output;

beforeAll(async () => {
  device = await testDevice();
  writer = await convertedOutput('clm-default', 'onnxruntime');
});
afterAll(() => {
  device.destroy();
});

interface Prompt {
  readonly ids: readonly number[];
  readonly outputs: Float32Array;
  readonly greedy: readonly number[];
}

/** The prompts of a golden case that have no padding, row by row. */
async function promptsOf(name: string): Promise<readonly Prompt[]> {
  const { prompts } = await goldenOf(name);
  return prompts.flatMap(({ inputIds, attentionMask, logits, lastHiddenState, greedy }) => {
    const outputs = must(logits ?? lastHiddenState, 'outputs');
    const whole = attentionMask.data.every((one) => Number(one) === 1);
    if (!whole || inputIds.shape[0] !== 1) return [];
    return {
      ids: Array.from(inputIds.data, Number),
      outputs: Float32Array.from(outputs.data),
      greedy: Array.from(greedy?.data ?? [], Number),
    };
  });
}

describe('a language model', () => {
  it('computes every logit of rows of unequal lengths, and continues them', async () => {
    const prompts = (await promptsOf('clm-default')).slice(0, 3);
    expect(new Set(prompts.map(({ ids }) => ids.length)).size).toBe(3);
    const count = countBuffers(device);
    const progress: LoadProgress[] = [];
    const model = await load(writer, { device, onProgress: (each) => void progress.push(each) });
    expect(model).toMatchObject({ task: 'text-generation', dtype: 'fp32' });
    expect(model.name).toBe(`webgpu (${device.name})`);
    const { loaded, total } = must(progress.at(-1), 'progress');
    expect(loaded).toBe(total);
    expect(model.memory.weights).toBeGreaterThanOrEqual(total);

    const rows = prompts.map(({ ids }) => ids);
    const outputs = await model.forward([...rows, []]);
    expect(outputs.at(-1)).toHaveLength(0);
    for (const [index, prompt] of prompts.entries()) {
      const own = must(outputs[index], 'row');
      expect(
        worstOf(own.subarray(own.length - prompt.outputs.length), prompt.outputs),
      ).toBeLessThan(1e-3);
    }
    const [, { ids = [], greedy = [] } = {}] = prompts;
    const generated = await model.generate(rows, { maxNewTokens: 8 });
    expect(generated[1]?.ids).toEqual(greedy.slice(ids.length, ids.length + 8));
    await expect(model.classify(rows)).rejects.toThrow(/the model is for text-generation/);
    await expect(model.embed(rows)).rejects.toThrow(/wanted=feature-extraction/);
    await expect(model.forward([[1], [512]])).rejects.toThrow(/in the vocabulary \(id=512/);
    await model.close();
    expect(count()).toMatchObject({ buffers: 0, bytes: 0 });
  });

  it('computes in halves', async () => {
    const [prompt] = await promptsOf('clm-default');
    const { ids, outputs } = must(prompt, 'prompt');
    const model = await load(writer, { device, dtype: 'fp16' });
    const [own = new Float32Array()] = await model.forward([ids]);
    const worst = worstOf(own.subarray(own.length - outputs.length), outputs);
    expect(worst).toBeGreaterThan(1e-5); // halves that are as exact as floats would be floats
    expect(worst).toBeLessThan(0.1);
    await model.close();
  });

  it('that the folder lacks is named', async () => {
    await expect(load(writer, { device, dtype: 'q4' as 'fp32' })).rejects.toMatchObject({
      code: 'INPUT_MISSING',
    });
  });
});

it('a feature extractor gives the states of each token, in halves as well', async () => {
  const output = await convertedOutput('base-model', 'onnxruntime');
  const prompts = (await promptsOf('base-model')).slice(0, 2);
  for (const [dtype, most] of [
    ['fp32', 1e-3],
    ['fp16', 3e-2],
  ] as const) {
    const model = await load(output, { device, dtype });
    const rows = prompts.map(({ ids }) => ids);
    for (const compute of [model.embed, model.forward]) {
      const states = await compute(rows);
      expect(states.map(({ length }) => length)).toEqual(rows.map(({ length }) => length * 64));
      for (const [index, { outputs }] of prompts.entries()) {
        const own = must(states[index], 'row');
        expect(worstOf(own.subarray(own.length - outputs.length), outputs)).toBeLessThan(most);
      }
    }
    await expect(model.generate(rows)).rejects.toThrow(/for feature-extraction/);
    await model.close();
  }
});

it('a classifier scores the labels of its config, whatever stands beside a row', async () => {
  const output = await convertedOutput('cls-three-labels', 'onnxruntime');
  const prompts = await promptsOf('cls-three-labels');
  const model = await load(output, { device });
  const found = await model.classify(prompts.map(({ ids }) => ids));
  for (const [index, { outputs }] of prompts.entries()) {
    const shares = Array.from(outputs, Math.exp);
    const sum = shares.reduce((a, b) => a + b);
    const want = shares
      .map((share, id) => ({ label: `LABEL_${id}`, score: share / sum }))
      .toSorted((a, b) => b.score - a.score);
    expect(found[index]?.map(({ label }) => label)).toEqual(want.map(({ label }) => label));
    const scores = found[index]?.map(({ score }) => score) ?? [];
    expect(
      worstOf(
        scores,
        want.map(({ score }) => score),
      ),
    ).toBeLessThan(1e-4);
  }
  await expect(model.forward([[1]])).rejects.toThrow(/for text-classification/);
  await model.close();
});
