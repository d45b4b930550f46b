import { describe, expect, test } from 'vitest';
import { maxIndexBytes } from '../base/limits.ts';
import { bytesSource } from './memory-source.ts';
import { readIndex } from './shards.ts';

const read = (text: string, extension = '.safetensors') =>
  readIndex(bytesSource('model.safetensors.index.json', new TextEncoder().encode(text)), extension);

const indexOf = (shard: unknown) => JSON.stringify({ metadata: {}, weight_map: { a: shard } });

describe('an index', () => {
  test('gives its shards in order, once each, and the total size', async () => {
    const text =
      '{"metadata":{"total_size":12},"weight_map":{"a":"2.safetensors","b":"1.safetensors","c":"2.safetensors"}}';
    const index = await read(text);
    expect(index.shards).toEqual(['2.safetensors', '1.safetensors']);
    expect(index.totalSize).toBe(12);
    expect(index.shardOf.get('b')).toBe('1.safetensors');
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"weight_map":{"a":"1.safetensors"'],
    ['a list', '[]'],
    ['without weight_map', '{"metadata":{}}'],
    ['with an empty weight_map', '{"weight_map":{}}'],
    ['with a weight_map that is a list', '{"weight_map":["1.safetensors"]}'],
    ['with a shard that is a number', indexOf(1)],
    ['with a tensor twice', '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}'],
    ['with two weight_maps', '{"weight_map":{"a":"1.safetensors"},"weight_map":{}}'],
    ['nested without end', '['.repeat(1000)],
    ['with a byte order mark', `\ufeff${indexOf('1.safetensors')}`],
  ])('%s is refused', async (_name, text) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'INDEX_INVALID',
      exitStatus: 65,
      where: { file: 'model.safetensors.index.json' },
    });
  });

  test('of more shards than any checkpoint has is refused', async () => {
    const map = Object.fromEntries(
      Array.from({ length: 10_001 }, (_, i) => [i, `${i}.safetensors`]),
    );
    await expect(read(JSON.stringify({ weight_map: map }))).rejects.toThrow(
      'more than 10000 shards',
    );
  });

  test('of more bytes than any index has is refused unread', async () => {
    const source = { ...bytesSource('index', new Uint8Array(0)), size: maxIndexBytes + 1 };
    await expect(readIndex(source, '.bin')).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });
});

describe('the name of a shard', () => {
  test.each([
    '../x.safetensors',
    '..\\x.safetensors',
    '/etc/x.safetensors',
    '\\\\host\\share\\x.safetensors',
    'C:x.safetensors',
    'C:\\x.safetensors',
    'sub/x.safetensors',
    './x.safetensors',
    '..safetensors',
    '.safetensors',
    '%2e%2e/x.safetensors',
    '%2e%2e%2fx.safetensors',
    'x\u0000.safetensors',
    'x\n.safetensors',
    'x\u202e.safetensors',
    ' x.safetensors',
    'file:x.safetensors',
    'x.safetensors/../y.safetensors',
    'pytorch_model.bin',
    'x.SAFETENSORS',
    'x.safetensors ',
    '',
  ])('%j is refused', async (name) => {
    await expect(read(indexOf(name))).rejects.toMatchObject({
      code: 'INDEX_SHARD_NAME',
      exitStatus: 65,
    });
  });

  test.each([
    'model-00001-of-00002.safetensors',
    'x.safetensors',
    'Модель 1.safetensors',
    'a..b.safetensors',
  ])('%j is taken', async (name) => {
    expect((await read(indexOf(name))).shards).toEqual([name]);
  });

  test('ends as its index does', async () => {
    expect((await read(indexOf('a.bin'), '.bin')).shards).toEqual(['a.bin']);
    await expect(read(indexOf('a.safetensors'), '.bin')).rejects.toThrow('does not end in .bin');
  });
});
