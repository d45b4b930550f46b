// transformers.js reads the folders that a conversion writes, as they are.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModel, AutoModelForCausalLM, env, pipeline, Tensor } from '@huggingface/transformers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Target, type WeightFormat, weightFormats } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert } from '../../src/convert.ts';
import { createOutput } from '../../src/onnx/file-sink.ts';
import type { Ids, Reals } from '../../src/validate/golden.ts';
import { goldenOf } from '../output-folder.ts';
import { idRows } from '../id-rows.ts';
import { must } from '../must.ts';

const root = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));

beforeAll(() => {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = `${root}/`;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Converts a golden case; its name for transformers.js. */
async function converted(
  name: string,
  target: Target,
  dtypes: readonly WeightFormat[],
): Promise<string> {
  const id = `${name}-${target}`;
  if (existsSync(join(root, id))) return id;
  const output = await createOutput(join(root, id), { force: false });
  const source = await openFolder(join(import.meta.dirname, '../../golden', name));
  await convert(source, output, { dtypes, target });
  await output.publish();
  return id;
}

/** Recorded without a token that ends a text. */
const endless = { eos_token_id: -1, do_sample: false } as const;

function int64({ data, shape }: Ids): Tensor {
  return new Tensor('int64', data, [...shape]);
}

/** The largest difference of the recorded positions, padding left out where there is a mask. */
function worst(found: Float32Array, { data, shape }: Reals, mask?: Ids): number {
  const width = shape.at(-1) ?? 1;
  const kept = shape.length === 3 ? (shape[1] ?? 1) : 1;
  const sequence = mask?.shape[1] ?? kept;
  const differences = [...data].map((value, at) => {
    const position = Math.floor(at / width);
    const slot = Math.floor(position / kept) * sequence + sequence - kept + (position % kept);
    if (mask?.data[slot] === 0n) return 0;
    return Math.abs(value - (found[slot * width + (at % width)] ?? Number.NaN));
  });
  return Math.max(...differences);
}

describe('text generation', () => {
  test.each(['onnxruntime', 'portable'] as const)(
    'continues prompts and left-padded batches as transformers does, for the %s target',
    async (target) => {
      const id = await converted('shakespeare', target, weightFormats);
      const model = await AutoModelForCausalLM.from_pretrained(id, {
        device: 'cpu',
        dtype: 'fp32',
      });
      const { prompts } = await goldenOf('shakespeare');
      const recorded = prompts.filter(({ greedy }) => greedy !== undefined);
      expect(recorded.map(({ name }) => name)).toContain('batch-left-pad');
      for (const { inputIds, attentionMask, greedy } of recorded) {
        const ids = must(greedy, 'recorded ids');
        const generated = (await model.generate({
          inputs: int64(inputIds),
          attention_mask: int64(attentionMask),
          max_length: ids.shape[1],
          ...endless,
        } as Parameters<typeof model.generate>[0])) as Tensor;
        const data = BigInt64Array.from(generated.data as BigInt64Array);
        expect(idRows({ dtype: 'int64', data, shape: generated.dims })).toEqual(idRows(ids));
      }
      await model.dispose();
    },
  );

  test('finds the weights in several data files', async () => {
    const name = 'shakespeare-in-pieces';
    const output = await createOutput(join(root, name), { force: false });
    const source = await openFolder(join(import.meta.dirname, '../../golden/shakespeare'));
    const options = { dtypes: ['fp32'], target: 'onnxruntime', maxDataFileBytes: 2e6 } as const;
    const { outputs } = await convert(source, output, options);
    await output.publish();
    expect(outputs.map(({ path }) => path)).toContain('onnx/model.onnx_data_2');
    const generator = await pipeline('text-generation', name, { device: 'cpu', dtype: 'fp32' });
    const [found] = await generator('ROMEO:', { max_new_tokens: 12, do_sample: false });
    expect(found?.generated_text).toMatch(/^ROMEO:\s*\S+/);
    await generator.dispose();
  });

  test.each(weightFormats)('takes %s from its pipeline', async (dtype) => {
    const id = await converted('shakespeare', 'onnxruntime', weightFormats);
    const generator = await pipeline('text-generation', id, { device: 'cpu', dtype });
    const [found] = await generator('ROMEO:', { max_new_tokens: 12, do_sample: false });
    expect(found?.generated_text).toMatch(/^ROMEO:\s*\S+/);
    await generator.dispose();
  });
});

test('a base model gives the hidden states of transformers', async () => {
  const id = await converted('base-model', 'onnxruntime', ['fp32']);
  const model = await AutoModel.from_pretrained(id, { device: 'cpu', dtype: 'fp32' });
  const { prompts } = await goldenOf('base-model');
  expect(prompts.length).toBeGreaterThan(0);
  for (const { inputIds, attentionMask, lastHiddenState } of prompts) {
    const { last_hidden_state: found } = await model({
      input_ids: int64(inputIds),
      attention_mask: int64(attentionMask),
    });
    expect(worst(found.data, must(lastHiddenState, 'states'), attentionMask)).toBeLessThan(1e-3);
  }
  await model.dispose();
});

describe('classification', () => {
  test('gives the logits of transformers through AutoModel', async () => {
    const id = await converted('cls-three-labels', 'onnxruntime', ['fp32']);
    const model = await AutoModel.from_pretrained(id, { device: 'cpu', dtype: 'fp32' });
    const { prompts } = await goldenOf('cls-three-labels');
    for (const { inputIds, attentionMask, logits } of prompts) {
      const { logits: found } = await model({
        input_ids: int64(inputIds),
        attention_mask: int64(attentionMask),
      });
      expect(worst(found.data, must(logits, 'logits'))).toBeLessThan(1e-3);
    }
    await model.dispose();
  });

  test('is refused by the pipeline, which does not know the model type', async () => {
    const id = await converted('shakespeare-mood', 'onnxruntime', ['fp32']);
    await expect(
      pipeline('text-classification', id, { device: 'cpu', dtype: 'fp32' }),
    ).rejects.toThrow(/modernbert-decoder/);
  });
});
