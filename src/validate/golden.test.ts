import { expect, test } from 'vitest';
import { bytesSource } from '../checkpoint/memory-source.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { writeSafetensors, type TensorBytes } from '../checkpoint/safetensors.ts';
import { readGolden, writeGolden, type Golden, type Ids, type Reals } from './golden.ts';
import { rowsOf } from './prompt.ts';

function ids(shape: readonly number[], values: readonly number[]): Ids {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) };
}

function reals(shape: readonly number[], values: readonly number[]): Reals {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

const golden: Golden = {
  task: 'text-generation',
  prompts: [
    {
      name: 'pair/one',
      inputIds: ids([2, 3], [0, 5, 6, 7, 8, 9]),
      attentionMask: ids([2, 3], [0, 1, 1, 1, 1, 1]),
      logits: reals([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      greedy: ids([2, 5], [0, 5, 6, 1, 1, 7, 8, 9, 0, 1]),
    },
  ],
  metadata: new Map([
    ['transformers', '5.18.0'],
    ['dtype', 'float32'],
  ]),
};

async function openCase(name: string): Promise<Golden> {
  const folder = await openFolder(`golden/${name}`);
  const source = await folder.open('golden.safetensors');
  if (source === undefined) throw new Error(`golden/${name} has no golden`);
  try {
    return await readGolden(source);
  } finally {
    await source.close();
  }
}

test('a golden survives writing and reading, and its bytes are the same every time', async () => {
  const bytes = writeGolden(golden);
  expect(await readGolden(bytesSource('golden.safetensors', bytes))).toEqual({
    ...golden,
    metadata: new Map([...golden.metadata].toReversed()),
  });
  expect(writeGolden({ ...golden, metadata: new Map([...golden.metadata].toReversed()) })).toEqual(
    bytes,
  );
});

test.each([
  ['shakespeare', 'text-generation', ['batch-left-pad', 'batch-right-pad', 'long', 'romeo']],
  ['shakespeare-mood', 'text-classification', ['batch-left-pad', 'batch-right-pad', 'question']],
  [
    'base-model',
    'feature-extraction',
    ['batch-left-pad', 'batch-right-pad', 'long', 'one-token', 'single'],
  ],
])('the golden of %s is one of %s', async (name, task, names) => {
  const read = await openCase(name);
  expect(read.task).toBe(task);
  expect(read.metadata.get('transformers')).toBe('5.18.0');
  expect(read.prompts.map((prompt) => prompt.name)).toEqual(names);
});

test('rows are the real tokens with the outputs that were kept for them', () => {
  const [left, full] = golden.prompts.flatMap(rowsOf);
  expect(left).toMatchObject({ row: 0, start: 1, ids: [5n, 6n] });
  expect([...(left?.expected ?? [])]).toEqual([
    [0, Float32Array.of(1, 2)],
    [1, Float32Array.of(3, 4)],
  ]);
  expect([...(full?.expected.keys() ?? [])]).toEqual([1, 2]);
});

test("a classifier's one output stands at the last real token", () => {
  const [row] = rowsOf({
    name: 'p',
    inputIds: ids([1, 3], [4, 5, 0]),
    attentionMask: ids([1, 3], [1, 1, 0]),
    logits: reals([1, 2], [7, 8]),
  });
  expect([...(row?.expected ?? [])]).toEqual([[1, Float32Array.of(7, 8)]]);
});

// A well-formed file as tensors, for a test to break.
function tensorsOf(changes: Readonly<Record<string, Ids | Reals | undefined>>): Uint8Array {
  const parts: Record<string, Ids | Reals | undefined> = {
    'p/input_ids': ids([1, 3], [1, 2, 3]),
    'p/attention_mask': ids([1, 3], [1, 1, 1]),
    'p/logits': reals([1, 3, 2], [1, 2, 3, 4, 5, 6]),
    'p/greedy': ids([1, 4], [1, 2, 3, 4]),
    ...changes,
  };
  const tensors = Object.entries(parts).flatMap(([name, tensor]): TensorBytes[] => {
    if (tensor === undefined) return [];
    const dtype = tensor.dtype === 'int64' ? 'I64' : 'F32';
    return [{ name, dtype, shape: tensor.shape, bytes: new Uint8Array(tensor.data.buffer) }];
  });
  return writeSafetensors(tensors);
}

test.each<[string, Readonly<Record<string, Ids | Reals | undefined>>]>([
  ['no tensor of this name', { 'p/logit': reals([1], [1]) }],
  ['no tensor of this name', { logits: reals([1], [1]) }],
  ['no tensor of this name', { '/logits': reals([1], [1]) }],
  ['is I64', { 'p/input_ids': reals([1, 3], [1, 2, 3]) }],
  ['is F32', { 'p/logits': ids([1, 3, 2], [1, 2, 3, 4, 5, 6]) }],
  ['input_ids is [batch, sequence]', { 'p/input_ids': undefined }],
  ['input_ids is [batch, sequence]', { 'p/input_ids': ids([3], [1, 2, 3]) }],
  ['input_ids is [batch, sequence]', { 'p/input_ids': ids([1, 0], []) }],
  ['shape of input_ids', { 'p/attention_mask': undefined }],
  ['shape of input_ids', { 'p/attention_mask': ids([1, 2], [1, 1]) }],
  ['ids are not negative', { 'p/input_ids': ids([1, 3], [1, -2, 3]) }],
  ['zeros and ones', { 'p/attention_mask': ids([1, 3], [1, 2, 1]) }],
  ['every row has a real token', { 'p/attention_mask': ids([1, 3], [0, 0, 0]) }],
  ['padding stands at the ends', { 'p/attention_mask': ids([1, 3], [1, 0, 1]) }],
  ['one of logits and last_hidden_state', { 'p/logits': undefined }],
  ['one of logits', { 'p/last_hidden_state': reals([1, 3, 1], [1, 2, 3]) }],
  ['outputs are [batch, kept, width]', { 'p/logits': reals([2, 3, 1], [1, 2, 3, 4, 5, 6]) }],
  ['outputs are [batch, kept, width]', { 'p/logits': reals([3], [1, 2, 3]) }],
  ['1 to sequence last positions', { 'p/logits': reals([1, 4, 1], [1, 2, 3, 4]) }],
  ['1 to sequence last positions', { 'p/logits': reals([1, 0, 2], []) }],
  ['are finite', { 'p/logits': reals([1, 3, 1], [1, Number.NaN, 3]) }],
  [
    'cover a real token',
    { 'p/attention_mask': ids([1, 3], [1, 1, 0]), 'p/logits': reals([1, 1, 1], [1]) },
  ],
  ['greedy comes with logits', { 'p/logits': reals([1, 2], [1, 2]) }],
  ['at least one more token', { 'p/greedy': ids([1, 3], [1, 2, 3]) }],
  ['at least one more token', { 'p/greedy': ids([2, 4], [1, 2, 3, 4, 1, 2, 3, 4]) }],
  ['greedy begins with the prompt', { 'p/greedy': ids([1, 4], [1, 2, 4, 4]) }],
  ['ids are not negative', { 'p/greedy': ids([1, 4], [1, 2, 3, -4]) }],
  [
    'all prompts are of one task',
    {
      'q/input_ids': ids([1, 1], [1]),
      'q/attention_mask': ids([1, 1], [1]),
      'q/logits': reals([1, 2], [1, 2]),
    },
  ],
])('a golden is refused: %s', async (rule, changes) => {
  const source = bytesSource('golden.safetensors', tensorsOf(changes));
  await expect(readGolden(source)).rejects.toMatchObject({
    code: 'GOLDEN_INVALID',
    message: expect.stringContaining(rule),
  });
});

test('a golden without prompts is refused', async () => {
  const source = bytesSource('golden.safetensors', writeSafetensors([]));
  await expect(readGolden(source)).rejects.toMatchObject({ code: 'GOLDEN_INVALID' });
});

test('outputs at padding may be anything', async () => {
  const changes = {
    'p/attention_mask': ids([1, 3], [1, 1, 0]),
    'p/logits': reals([1, 3, 1], [1, 2, Number.NaN]),
  };
  const read = await readGolden(bytesSource('golden.safetensors', tensorsOf(changes)));
  expect(read.prompts).toHaveLength(1);
});
