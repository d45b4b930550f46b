// The proof on our own GPU runtime: golden cases in every way people run models. Cases that have the
// kernels of another one with other weights take fewer prompts and short continuations, and what
// differs in nothing but how a checkpoint is stored is left to the comparison with ONNX Runtime.

import { describe, expect, test } from 'vitest';
import type { Target, WeightFormat } from '../src/base/manifest.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import type { Golden, GoldenPrompt, Ids, Reals } from '../src/validate/golden.ts';
import { verifyRunner } from '../src/validate/protocol.ts';
import type { VerifyReport } from '../src/validate/report.ts';
import { convertedCase } from './converted-case.ts';
import { goldenCases, goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { goldenOf } from './output-folder.ts';

const worstDifference = 1e-3;
const opened = goldenOpener();
const device = sharedDevice();

/** One prompt that is longer than the window, and a short one. */
const fewPrompts: Readonly<Record<string, readonly string[]>> = {
  'clm-biases-untied': ['batch-left-pad', 'single'],
  shakespeare: ['long', 'romeo'],
};
const fewSteps = 4;
const fewTokens = 24; // the widest window has 16

/** Checkpoints whose graphs are those of other cases. */
const stored: readonly string[] = ['clm-bf16', 'clm-legacy-bin'];

function shortened({ prompts, ...rest }: Golden, names: readonly string[]): Golden {
  const few = prompts.filter(({ name }) => names.includes(name));
  expect(few).toHaveLength(names.length);
  return { ...rest, prompts: few.map(shorter) };
}

/** Tokens and outputs of a prompt of one row up to a length, for what follows changes neither. */
function shorter(prompt: GoldenPrompt): GoldenPrompt {
  const { inputIds, attentionMask, logits, greedy, ...rest } = prompt;
  const [batch = 0, length = 0] = inputIds.shape;
  if (batch !== 1 || logits?.shape[1] !== length) return prompt;
  const tokens = Math.min(length, fewTokens);
  const part = <T extends Ids | Reals>(tensor: T, most: number): T => {
    const [, rows = 0, ...width] = tensor.shape;
    const kept = Math.min(rows, most);
    const data = tensor.data.slice(0, (tensor.data.length / rows) * kept);
    return { ...tensor, shape: [1, kept, ...width], data };
  };
  return {
    ...rest,
    inputIds: part(inputIds, tokens),
    attentionMask: part(attentionMask, tokens),
    logits: part(logits, tokens),
    ...(greedy && length === tokens && { greedy: part(greedy, length + fewSteps) }),
  };
}

async function measure(
  name: string,
  {
    target,
    dtype,
    prompts,
  }: {
    readonly target: Target;
    readonly dtype: WeightFormat;
    readonly prompts: readonly string[] | undefined;
  },
): Promise<VerifyReport> {
  const { config, task } = await opened(name);
  const models = await convertedCase(name, target);
  const file = dtype === 'fp32' ? 'model.onnx' : 'model_fp16.onnx';
  const { model, engine } = await loadModel(device(), models, file);
  const runner = gpuRunner(engine, model);
  const whole = await goldenOf(name);
  try {
    const golden = prompts ? shortened(whole, prompts) : whole;
    return await verifyRunner(runner, golden, config, task, dtype);
  } finally {
    await runner.close();
  }
}

/** Many runs: a minute on a software GPU. */
const timeout = 300_000;

describe.each(goldenCases.filter((name) => !stored.includes(name)))('%s', (name) => {
  test('agrees with transformers in float32', { timeout }, async () => {
    const about = { target: 'onnxruntime', dtype: 'fp32', prompts: fewPrompts[name] } as const;
    const { checks, figures, task } = await measure(name, about);
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(figures['maxDifference']).toBeLessThanOrEqual(worstDifference);
    expect(figures['greedy']).toBe(task === 'text-generation' ? 1 : undefined);
  });
});

test.each([
  ['base-model', undefined],
  ['clm-default', ['single']],
  ['cls-three-labels', undefined],
] as const)(
  '%s agrees with transformers in half floats, and for the portable target',
  { timeout },
  async (name, prompts) => {
    const { checks } = await measure(name, { target: 'portable', dtype: 'fp16', prompts });
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
  },
);
