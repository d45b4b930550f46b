// onnxruntime-genai's side of a folder: the config that it reads, and the calls that it makes. Its
// package is Python's and .NET's, so the calls are made here, on the runtime that it stands on.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert } from '../../src/convert.ts';
import { createOutput } from '../../src/onnx/file-sink.ts';
import type { GoldenPrompt } from '../../src/validate/golden.ts';
import { copyOf, editConfig } from '../checkpoint-copy.ts';
import { readGenaiConfig, type GenaiConfig } from '../genai-config-reader.ts';
import { generateAsGenai } from '../genai-runtime.ts';
import { must } from '../must.ts';
import { convertCase, goldenFolder, goldenOf } from '../output-folder.ts';
import { expectAccepted } from '../refusal.ts';

const targets: readonly Target[] = ['onnxruntime', 'portable'];

const root = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Converts the case with weights that say something, once for each target. */
async function converted(target: Target): Promise<string> {
  const folder = join(root, target);
  if (existsSync(folder)) return folder;
  const output = await createOutput(folder, { force: false });
  await convert(await openFolder(join(goldenFolder, 'shakespeare')), output, {
    dtypes: ['fp32'],
    target,
  });
  await output.publish();
  return folder;
}

function configIn(folder: string): GenaiConfig {
  return readGenaiConfig(readFileSync(join(folder, 'genai_config.json'), 'utf8'));
}

/** Each row without its padding, and how it went on. */
function rowsOf({ inputIds, attentionMask, greedy }: GoldenPrompt): readonly {
  readonly prompt: readonly number[];
  readonly next: readonly number[];
}[] {
  const [rows = 0, length = 0] = inputIds.shape;
  const all = must(greedy, 'recorded ids');
  const width = must(all.shape[1], 'width');
  return Array.from({ length: rows }, (_, row) => ({
    prompt: [...inputIds.data.subarray(row * length, (row + 1) * length)]
      .map(Number)
      .filter((_id, at) => attentionMask.data[row * length + at] === 1n),
    next: [...all.data.subarray(row * width + length, (row + 1) * width)].map(Number),
  }));
}

describe.each(targets)('for %s', (target) => {
  test('the config says what the model has', async () => {
    const folder = await converted(target);
    const { model, search } = configIn(folder);
    const { decoder } = model;
    expect(model).toMatchObject({
      bos_token_id: 2044,
      eos_token_id: 2045,
      pad_token_id: 2046,
      context_length: 1024,
      vocab_size: 2048,
    });
    expect(search.past_present_share_buffer).toBe(target === 'onnxruntime');

    const session = await InferenceSession.create(join(folder, decoder.filename));
    const layers = Array.from({ length: decoder.num_hidden_layers }, (_, layer) => `${layer}`);
    const named = (values: Readonly<Record<string, string>>): readonly string[] =>
      Object.values(values).flatMap((name) =>
        name.includes('%d') ? layers.map((layer) => name.replace('%d', layer)) : [name],
      );
    expect([...named(decoder.inputs), 'num_logits_to_keep'].toSorted()).toEqual(
      session.inputNames.toSorted(),
    );
    expect(named(decoder.outputs).toSorted()).toEqual(session.outputNames.toSorted());
    const cache = session.inputMetadata.find(({ name }) => name === 'past_key_values.0.key');
    expect(cache).toMatchObject({
      shape: ['batch_size', decoder.num_key_value_heads, expect.any(String), decoder.head_size],
    });
    await session.release();
  });

  test('prompts go on as transformers continues them', async () => {
    const folder = await converted(target);
    const { prompts } = await goldenOf('shakespeare');
    const recorded = prompts.filter(({ greedy }) => greedy !== undefined);
    expect(recorded.map(({ name }) => name)).toContain('batch-left-pad');
    for (const rows of recorded.map(rowsOf)) {
      const found = await generateAsGenai(
        folder,
        rows.map(({ prompt }) => prompt),
        must(rows[0], 'row').next.length,
      );
      expect(found).toEqual(rows.map(({ next }) => next));
    }
  });

  test('num_logits_to_keep is a number or a list of one', async () => {
    const folder = await converted(target);
    const session = await InferenceSession.create(join(folder, 'onnx/model.onnx'));
    const [prompt] = (await goldenOf('shakespeare')).prompts.filter(({ name }) => name === 'romeo');
    const { inputIds, attentionMask } = must(prompt, 'prompt');
    const [batch, length] = inputIds.shape as [number, number];
    const logitsWith = async (keep: bigint, shape: readonly number[]): Promise<Tensor> => {
      const feeds: Record<string, Tensor> = {
        input_ids: new Tensor('int64', inputIds.data, inputIds.shape),
        attention_mask: new Tensor('int64', attentionMask.data, attentionMask.shape),
        num_logits_to_keep: new Tensor('int64', [keep], shape),
      };
      for (const name of session.inputNames.filter((each) => each.startsWith('past'))) {
        feeds[name] = new Tensor('float32', new Float32Array(), [batch, 4, 0, 32]);
      }
      return must((await session.run(feeds))['logits'], 'logits');
    };
    for (const keep of [0n, 1n, 3n]) {
      const [number, list] = [await logitsWith(keep, []), await logitsWith(keep, [1])];
      expect(number.dims).toEqual([batch, keep === 0n ? length : Number(keep), 2048]);
      expect(list.dims).toEqual(number.dims);
      expect(list.data).toEqual(number.data);
    }
    await session.release();
  });
});

test('halves of the cache go through one buffer too', async () => {
  const { path: folder } = await convertCase('shakespeare', {
    dtypes: ['fp16', 'fp32'],
    target: 'onnxruntime',
  });
  expect(configIn(folder).model.decoder.filename).toBe('onnx/model_fp16.onnx');
  const [romeo] = (await goldenOf('shakespeare')).prompts.filter(({ name }) => name === 'romeo');
  const [row] = rowsOf(must(romeo, 'prompt'));
  const { prompt, next } = must(row, 'row');
  expect(await generateAsGenai(folder, [prompt], next.length)).toEqual([next]);
});

test('heads that GroupQueryAttention refuses have no buffer to share', async () => {
  const folder = copyOf();
  editConfig(folder, { num_attention_heads: 8 }); // of 8 numbers each
  const { target } = await expectAccepted(folder);
  const { model, search } = configIn(target);
  expect(model.decoder).toMatchObject({ head_size: 8, num_key_value_heads: 8 });
  expect(search.past_present_share_buffer).toBe(false);
  expect(await generateAsGenai(target, [[5, 6, 7]], 3)).toHaveLength(1);
});

test.each(['base-model', 'shakespeare-mood'])(
  '%s writes no text and has no config',
  async (name) => {
    const { path, manifest } = await convertCase(name, { dtypes: ['fp32'], target: 'portable' });
    expect(manifest.outputs.map((file) => file.path)).not.toContain('genai_config.json');
    expect(() => configIn(path)).toThrow('ENOENT');
  },
);
