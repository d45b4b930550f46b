import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertCase, goldenOf } from '../../../test/output-folder.ts';
import { goldenOpener } from '../../../test/golden-case.ts';
import { must } from '../../../test/must.ts';
import type { Target } from '../../base/manifest.ts';
import type { Decoder } from '../../base/decoding.ts';
import type { Runner } from '../../base/runner.ts';
import { openFolder } from '../../checkpoint/file-source.ts';
import { rowsOf, type GoldenPrompt } from '../../validate/prompt.ts';
import { generate } from './generate.ts';
import { openOnnxRuntime } from '../onnxruntime.ts';
import { openReferenceFile } from '../reference/open.ts';
import { runnerDecoder } from './runner-decoder.ts';

const open = goldenOpener();

async function decoderOf(name: string, target: Target, runtime: string): Promise<Decoder> {
  const { path } = await convertCase(name, { dtypes: ['fp32'], target });
  const { config } = await open(name);
  const models = join(path, 'onnx');
  const runner: Promise<Runner> =
    runtime === 'reference'
      ? openReferenceFile(await openFolder(models), 'model.onnx')
      : openOnnxRuntime(join(models, 'model.onnx'));
  return runnerDecoder(await runner, config);
}

/** The rows of prompts, and what transformers continues them with. */
function continued(
  prompts: readonly GoldenPrompt[],
): readonly { readonly prompt: readonly number[]; readonly expected: readonly number[] }[] {
  return prompts.flatMap((prompt) =>
    rowsOf(prompt).map(({ row, ids }) => {
      const { data, shape } = must(prompt.greedy, 'greedy');
      const [, total = 0] = shape;
      const [, length = 0] = prompt.inputIds.shape;
      const expected = Array.from(data.subarray(row * total + length, (row + 1) * total), Number);
      return { prompt: ids.map(Number), expected };
    }),
  );
}

describe.each([
  ['shakespeare', 'onnxruntime', 'onnxruntime'],
  ['shakespeare', 'portable', 'onnxruntime'],
  ['clm-biases-untied', 'onnxruntime', 'onnxruntime'],
  ['shakespeare', 'onnxruntime', 'reference'],
] as const)('%s for %s on %s', (name, target, runtime) => {
  it('continues rows of unequal lengths as transformers does', async () => {
    const { prompts } = await goldenOf(name);
    const greedy = prompts.filter((prompt) => prompt.greedy !== undefined);
    // the reference operators take long for long prompts
    const short = greedy.filter(({ inputIds }) => (inputIds.shape[1] ?? 0) < 100);
    const rows = continued(runtime === 'reference' ? short : greedy);
    expect(new Set(rows.map(({ prompt }) => prompt.length)).size).toBeGreaterThan(1);
    const decoder = await decoderOf(name, target, runtime);
    const maxNewTokens = Math.min(...rows.map(({ expected }) => expected.length));
    const result = await generate(
      decoder,
      rows.map(({ prompt }) => prompt),
      { maxNewTokens },
    );
    await decoder.close();
    expect(result.map(({ ids }) => ids)).toEqual(
      rows.map(({ expected }) => expected.slice(0, maxNewTokens)),
    );
  });
});

it('gives the same whatever was appended together, and however many tokens at once', async () => {
  const decoder = await decoderOf('clm-default', 'onnxruntime', 'onnxruntime');
  const ask = { count: 3, repetitionPenalty: 1.2 };
  const tokens = fc.array(fc.nat(decoder.vocabSize - 1), { minLength: 1, maxLength: 5 });
  const turn = fc.array(fc.option(tokens, { nil: undefined }), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 4 }), async (turns) => {
      const together = await decoder.start(3);
      const held: number[][] = [[], [], []];
      const ended = new Set<number>();
      for (const appended of turns) {
        for (const [row, ids] of appended.entries()) {
          if (ids === undefined && must(held[row], 'row').length > 0) ended.add(row);
        }
        const live = appended.map((ids, row) => (ended.has(row) ? undefined : ids));
        const results = await together.append(live, ask);
        for (const [row, ids] of live.entries()) {
          const whole = must(held[row], 'row');
          whole.push(...(ids ?? []));
          const alone = await decoder.start(1);
          const [expected] = ids === undefined ? [] : await alone.append([whole], ask);
          const result = results[row];
          expect(result && [...result.ids]).toEqual(expected && [...expected.ids]);
          const gaps = [...(result?.logits ?? [])].map((logit, at) =>
            Math.abs(logit - (expected?.logits[at] ?? Number.NaN)),
          );
          expect(Math.max(0, ...gaps)).toBeLessThan(1e-4);
        }
      }
      await together.close();
    }),
    { numRuns: 40 },
  );
  await decoder.close();
});

it('lets a short row go on where a long one beside it has come to the last position', async () => {
  const decoder = await decoderOf('shakespeare', 'onnxruntime', 'onnxruntime');
  const long = Array.from({ length: 1000 }, (_, at) => (at * 7) % 2000);
  const short = [2044, 44];
  const options = {
    maxLength: decoder.maxPositions,
    stop: ({ ids }: { readonly ids: readonly number[] }) => ids.length === 60,
  };
  const together = await generate(decoder, [long, short], options);
  const [alone] = await generate(decoder, [short], options);
  await decoder.close();
  expect(together.map(({ ids, ending }) => [ids.length, ending])).toEqual([
    [24, 'length'],
    [60, 'stop'],
  ]);
  expect(together[1]?.ids).toEqual(alone?.ids);
});

it('is told apart from other models by its inputs', async () => {
  const { path } = await convertCase('shakespeare-mood', { dtypes: ['fp32'], target: 'portable' });
  const { config } = await open('shakespeare');
  const runner = await openOnnxRuntime(join(path, 'onnx/model.onnx'));
  expect(() => runnerDecoder(runner, config)).toThrow(/the model lacks an input/);
  await runner.close();
});
