// Folders as people have them: sharded, mixed, incomplete, and of other tools.

import { describe, expect, test } from 'vitest';
import { archiveBytes, vectorsPickle } from '../../test/torch-archive.ts';
import { blobFolder } from './memory-source.ts';
import { openCheckpoint } from './open.ts';
import { writeSafetensors } from './safetensors.ts';

type Files = Readonly<Record<string, Blob | Uint8Array>>;

const weights = (...names: readonly string[]) =>
  writeSafetensors(
    names.map((name) => ({ name, dtype: 'F32', shape: [2], bytes: new Uint8Array(8) })),
  );

const torchWeights = (name: string) =>
  archiveBytes([
    { name: 'x/data.pkl', bytes: vectorsPickle({ [name]: 2 }) },
    { name: 'x/data/0', bytes: new Uint8Array(8) },
  ]);

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const open = (files: Files) => openCheckpoint(blobFolder('my-model', files));

const [a, b, c] = [
  'model.embeddings.tok_embeddings.weight',
  'model.final_norm.weight',
  'decoder.bias',
];
const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const sharded: Files = {
  [first]: weights(a, b),
  [second]: weights(c),
  'model.safetensors.index.json': json({
    metadata: { total_size: 24 },
    weight_map: { [a]: first, [b]: first, [c]: second },
  }),
};

describe('a sharded checkpoint', () => {
  test('gives the tensors of all shards, each with its file', async () => {
    const { tensors, warnings, hashes } = await open(sharded);
    expect([...tensors.values()].map(({ name, file }) => [name, file])).toEqual([
      [a, first],
      [b, first],
      [c, second],
    ]);
    expect(warnings).toEqual([]);
    expect((await hashes()).map(({ path }) => path)).toEqual([first, second]);
  });

  test("of torch's format is read the same way", async () => {
    const [one, two] = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'];
    const { tensors, warnings } = await open({
      [one]: torchWeights(a),
      [two]: torchWeights(b),
      'pytorch_model.bin.index.json': json({ weight_map: { [a]: one, [b]: two } }),
    });
    expect([...tensors.keys()]).toEqual([a, b]);
    expect(warnings).toEqual([]);
  });

  const { [second]: _, ...withoutSecond } = sharded;
  const swapped = { ...sharded, [first]: weights(c), [second]: weights(a, b) };
  const index = (map: object) => ({ 'model.safetensors.index.json': json({ weight_map: map }) });
  test.each<[string, Files, string, string]>([
    ['a shard missing', withoutSecond, 'SHARD_MISSING', `shard=${second}`],
    [
      'a shard cut off',
      { ...sharded, [second]: weights(c).slice(0, -1) },
      'ST_FILE_SIZE',
      `file=${second}`,
    ],
    [
      'an empty shard',
      { ...sharded, [second]: new Uint8Array(0) },
      'ST_HEADER_TOO_SMALL',
      'an empty file',
    ],
    [
      'a pointer for a shard',
      { ...sharded, [second]: new Blob(['version https://git-lfs.github.com/spec/v1\n']) },
      'ST_HEADER_TOO_LARGE',
      'a git-lfs pointer',
    ],
    ['shards swapped', swapped, 'INDEX_MISMATCH', 'another shard than the index says'],
    [
      'a tensor not listed',
      { ...sharded, [second]: weights(c, 'decoder.weight') },
      'INDEX_MISMATCH',
      'tensor=decoder.weight',
    ],
    [
      'a tensor listed that no shard has',
      { ...sharded, ...index({ [a]: first, [b]: first, [c]: second, d: second }) },
      'INDEX_MISMATCH',
      'tensor=d',
    ],
    [
      'a tensor in two shards',
      { ...sharded, [second]: weights(b, c) },
      'INDEX_MISMATCH',
      'a tensor lies in two shards',
    ],
    [
      'a shard of another folder',
      { ...sharded, ...index({ [a]: '../x.safetensors' }) },
      'INDEX_SHARD_NAME',
      '../x.safetensors',
    ],
  ])('with %s is refused', async (_name, files, code, message) => {
    await expect(open(files)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('that says another size or leaves a shard out is warned about', async () => {
    const odd = 'model-00003-of-00003.safetensors';
    const checkpoint = await open({
      ...sharded,
      [odd]: weights('d'),
      'model.safetensors.index.json': json({
        metadata: { total_size: 9 },
        weight_map: { [a]: first, [b]: first, [c]: second },
      }),
    });
    expect(checkpoint.warnings).toEqual([
      `weights beside ${first} are passed over: ${odd}`,
      'model.safetensors.index.json says total_size 9, and the tensors are 24 bytes',
    ]);
  });

  test('whose names count other shards than are listed is warned about', async () => {
    const { warnings } = await open({
      [first]: weights(a),
      'model.safetensors.index.json': json({ weight_map: { [a]: first } }),
    });
    expect(warnings).toEqual([
      `model.safetensors.index.json lists 1 shards, and one is named ${first}`,
    ]);
  });
});

describe('a folder with several kinds of weights', () => {
  test('is read as safetensors, and the rest is said to be passed over', async () => {
    const checkpoint = await open({
      ...sharded,
      'model.safetensors': weights(a),
      'pytorch_model.bin': torchWeights(b),
    });
    expect([...checkpoint.tensors.keys()]).toEqual([a]);
    expect(checkpoint.warnings).toEqual([
      `weights beside model.safetensors are passed over: ${first}, ${second}, pytorch_model.bin`,
    ]);
  });

  test('and an adapter says that the adapter is not applied', async () => {
    const { warnings } = await open({
      'model.safetensors': weights(a),
      'adapter_config.json': json({}),
    });
    expect(warnings).toEqual([expect.stringContaining('is not applied: merge it first')]);
  });
});

describe('a folder without weights to read', () => {
  test.each<[string, Files, string, string]>([
    [
      'an adapter',
      { 'adapter_config.json': json({}), 'adapter_model.safetensors': weights(a) },
      'UNSUPPORTED_CHECKPOINT',
      'PeftModel.from_pretrained(base, folder).merge_and_unload().save_pretrained(merged)',
    ],
    [
      'GGUF',
      { 'model-q4.gguf': new Uint8Array(0) },
      'UNSUPPORTED_CHECKPOINT',
      'this is a GGUF model',
    ],
    ['ONNX', { 'model.onnx': new Uint8Array(0) }, 'UNSUPPORTED_CHECKPOINT', 'ONNX already'],
    [
      'Flax',
      { 'flax_model.msgpack': new Uint8Array(0) },
      'UNSUPPORTED_CHECKPOINT',
      'from_flax=True',
    ],
    ['TensorFlow', { 'tf_model.h5': new Uint8Array(0) }, 'UNSUPPORTED_CHECKPOINT', 'from_tf=True'],
    [
      'nothing',
      {},
      'INPUT_MISSING',
      'looked_for=[model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json]',
    ],
    [
      'weights under another name',
      { 'weights.safetensors': weights(a) },
      'INPUT_MISSING',
      'found=[weights.safetensors]): give the weights one of the names looked for',
    ],
  ])('is refused with a sentence: %s', async (_name, files, code, message) => {
    await expect(open({ 'config.json': json({}), ...files })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      where: { folder: 'my-model' },
    });
  });
});

test('every file is closed when a checkpoint is refused, and when it is closed', async () => {
  const counting = (files: Files) => {
    const folder = blobFolder('my-model', files);
    const count = { opened: 0, closed: 0 };
    const opening = async (name: string) => {
      const source = await folder.open(name);
      if (source === undefined) return undefined;
      count.opened++;
      return { ...source, close: async () => void count.closed++ };
    };
    return { count, folder: { ...folder, open: opening } };
  };
  const bad = counting({ ...sharded, [second]: weights(b) });
  await expect(openCheckpoint(bad.folder)).rejects.toThrow('a tensor lies in two shards');
  expect(bad.count).toEqual({ opened: 3, closed: 3 });
  const good = counting(sharded);
  await (await openCheckpoint(good.folder)).close();
  expect(good.count).toEqual({ opened: 3, closed: 3 });
});
