import { expect, test } from 'vitest';
import { toyGolden } from '../../test/toy-golden.ts';
import { toyConfig, toyRunner, type ToyOptions } from '../../test/toy-model.ts';
import type { Task } from '../base/config.ts';
import type { Runner } from '../base/runner.ts';
import type { Golden } from './golden.ts';
import { verifyRunner } from './protocol.ts';
import type { VerifyReport } from './report.ts';

async function verify(
  options: ToyOptions = {},
  golden: Golden = toyGolden(options.task === undefined ? {} : { task: options.task }),
): Promise<VerifyReport> {
  const task = options.task ?? 'text-generation';
  return verifyRunner(toyRunner(options), golden, toyConfig(), task, 'fp32');
}

function failedStages({ checks }: VerifyReport): readonly string[] {
  const failed = checks.filter(({ status }) => status === 'fail').map(({ stage }) => stage);
  return [...new Set(failed)].toSorted();
}

function stagesOf(report: VerifyReport): Readonly<Record<string, string>> {
  return Object.fromEntries(
    report.prompts.map(({ name, stages }) => [name, stages.map(({ stage }) => stage).join(' ')]),
  );
}

test('a right model passes every stage, and every prompt goes through those that fit it', async () => {
  const report = await verify();
  expect(failedStages(report)).toEqual([]);
  expect(report.verdict).toBe('pass');
  expect(report.figures).toMatchObject({ maxDifference: 0, top1: 1, greedy: 1 });
  expect(stagesOf(report)).toEqual({
    'batch-left': 'full last-token decode padded-left padded-right',
    'batch-right': 'full last-token decode padded-left padded-right',
    long: 'full last-token decode chunked padded-chunks padded-left padded-right',
    one: 'full last-token padded-left padded-right',
    short: 'full last-token decode chunked padded-chunks padded-left padded-right',
  });
  expect(report.prompts.map(({ greedy }) => greedy?.compared)).toEqual([18, 12, 6, 6, 6]);
});

test.each<[ToyOptions, readonly string[]]>([
  [
    { fault: 'left padding is seen' },
    ['decode', 'full', 'greedy', 'last-token', 'padded-chunks', 'padded-left', 'padded-right'],
  ],
  [{ fault: 'right padding is seen' }, ['greedy', 'padded-chunks', 'padded-right']],
  [
    { fault: 'the cache is off by one' },
    ['chunked', 'decode', 'greedy', 'padded-chunks', 'padded-left', 'padded-right'],
  ],
  [{ fault: 'a chunk sees its future' }, ['chunked', 'padded-chunks']],
  [{ fault: 'a padded chunk begins too early' }, ['padded-chunks']],
  [{ fault: 'the last token is the one before' }, ['greedy', 'last-token']],
  [{ fault: 'later positions are wrong' }, ['greedy']],
])('%o is caught where it shows', async (options, stages) => {
  const report = await verify(options);
  expect(report.verdict).toBe('fail');
  expect(failedStages(report)).toEqual(stages);
});

test.each<ToyOptions>([
  { window: 4 },
  { window: 6 },
  { gain: 1.001 },
  { gain: 1.01 },
  { fault: 'one weight is not a number' },
])('%o is caught by every stage that compares logits', async (options) => {
  expect(failedStages(await verify(options))).toEqual(
    expect.arrayContaining([
      'chunked',
      'decode',
      'full',
      'last-token',
      'padded-chunks',
      'padded-left',
      'padded-right',
    ]),
  );
});

test('rounding in the last digits passes', async () => {
  const report = await verify({ gain: 1 + 1e-6 });
  expect(report.verdict).toBe('pass');
  expect(report.figures['maxDifference']).toBeGreaterThan(0);
});

test('a cache in half precision is fed back as its bits', async () => {
  const report = await verify({ cacheDtype: 'float16' });
  expect(report.verdict).toBe('pass');
});

test('a model that computes all logits only is verified without its last-token stage', async () => {
  const report = await verify({ keeps: false });
  expect(report.verdict).toBe('pass');
  expect(stagesOf(report)['short']).toBe(
    'full decode chunked padded-chunks padded-left padded-right',
  );
});

test('a golden of the last positions is held against those alone', async () => {
  const report = await verify({}, toyGolden({ kept: 3 }));
  expect(report.verdict).toBe('pass');
  const positions = report.prompts.map(({ stages }) => stages[0]?.metrics.positions);
  expect(positions).toEqual([9, 3, 3, 1, 3]);
  const wrong = await verify({ window: 4 }, toyGolden({ kept: 3 }));
  expect(failedStages(wrong)).toContain('decode');
});

test.each<[ToyOptions, readonly string[]]>([
  [{ task: 'text-classification' }, []],
  [{ task: 'text-classification', fault: 'the last column is pooled' }, ['full', 'padded-right']],
  [{ task: 'text-classification', fault: 'left padding is seen' }, ['full', 'padded-left']],
  [{ task: 'feature-extraction' }, []],
  [{ task: 'feature-extraction', fault: 'left padding is seen' }, ['full', 'padded-left']],
  [{ task: 'feature-extraction', window: 6 }, ['full', 'padded-left', 'padded-right']],
])('%o fails in %j', async (options, stages) => {
  const report = await verify(options);
  expect(failedStages(report)).toEqual(stages);
  expect(report.prompts.every(({ greedy }) => greedy === undefined)).toBe(true);
});

test('progress names every stage before it runs', async () => {
  const told: string[] = [];
  await verifyRunner(toyRunner(), toyGolden(), toyConfig(), 'text-generation', 'fp32', {
    onStage: (prompt, stage) => told.push(`${prompt} ${stage}`),
  });
  expect(told).toContain('one full');
  expect(told).toContain('one + long padded-left');
  expect(told.at(-1)).toBe('short greedy');
});

function without(runner: Runner, input: string): Runner {
  return { ...runner, inputs: new Map([...runner.inputs].filter(([name]) => name !== input)) };
}

test.each<[string, Runner, Task]>([
  ['lacks an input', without(toyRunner(), 'attention_mask'), 'text-generation'],
  ['lacks an input', without(toyRunner(), 'past_key_values.0.value'), 'text-generation'],
  ['input of no meaning', toyRunner(), 'feature-extraction'],
  ['lacks an output', { ...toyRunner(), run: async () => new Map() }, 'text-generation'],
  [
    'another shape',
    {
      ...toyRunner(),
      run: async () =>
        new Map([['logits', { dtype: 'float32', shape: [1, 2], data: new Float32Array(2) }]]),
    },
    'text-generation',
  ],
])('a model that %s is no model of the task', async (rule, runner, task) => {
  await expect(
    verifyRunner(runner, toyGolden({ task }), toyConfig(), task, 'fp32'),
  ).rejects.toMatchObject({ code: 'ONNX_INVALID', message: expect.stringContaining(rule) });
});

test.each<[string, Golden, Partial<ReturnType<typeof toyConfig>>]>([
  ['task', toyGolden({ task: 'feature-extraction' }), {}],
  ['width', toyGolden(), { vocabSize: 12 }],
  ['max_position_embeddings', toyGolden(), { maxPositions: 45 }],
])('a golden of another model is refused by its %s', async (key, golden, changes) => {
  const config = { ...toyConfig(), ...changes };
  await expect(
    verifyRunner(toyRunner(), golden, config, 'text-generation', 'fp32'),
  ).rejects.toMatchObject({ code: 'GOLDEN_INVALID', where: { [key]: expect.anything() } });
});

test("a classifier's golden is refused when its padding is another token", async () => {
  const task = 'text-classification';
  const config = { ...toyConfig(), padTokenId: 5 };
  await expect(
    verifyRunner(toyRunner({ task }), toyGolden({ task }), config, task, 'fp32'),
  ).rejects.toThrow(/padding is the pad token/);
});
