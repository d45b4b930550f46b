import { describe, expect, test } from 'vitest';
import { maxAssetBytes } from '../base/limits.ts';
import { readAssets } from './assets.ts';
import { blobFolder } from './memory-source.ts';

const vocabSize = 100;
const tokenizer = { model: { type: 'BPE', vocab: { a: 0, b: 99 } }, added_tokens: [{ id: 98 }] };

type Files = Readonly<Record<string, string | Uint8Array>>;

function read(files: Files): ReturnType<typeof readAssets> {
  const entries = Object.entries(files).map(([name, content]) => [
    name,
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
  ]);
  return readAssets(blobFolder('checkpoint', Object.fromEntries(entries)), vocabSize);
}

const withTokenizer = (json: unknown): Files => ({ 'tokenizer.json': JSON.stringify(json) });

describe('assets', () => {
  test('are the files that users of a model need, byte for byte', async () => {
    const files = {
      'tokenizer.json': ` ${JSON.stringify(tokenizer)}\n`,
      'tokenizer_config.json': '{"a": 1}',
      'special_tokens_map.json': '{}',
      'added_tokens.json': '{}',
      'generation_config.json': '{"eos_token_id": 2.0}',
      'chat_template.jinja': '{% if x %}\r\n',
      'vocab.json': '{"a": 0}',
      'merges.txt': 'a b\n',
      'README.md': 'not needed',
      'model.safetensors': 'not here',
      'config.json': 'not here',
      'optimizer.pt': 'not needed',
    };
    const { assets, warnings } = await read(files);
    expect(warnings).toEqual([]);
    expect(Object.fromEntries(assets.map(({ name, bytes }) => [name, text(bytes)]))).toEqual(
      Object.fromEntries(Object.entries(files).slice(0, 8)),
    );
  });

  test('are missed where there is no tokenizer', async () => {
    expect(await read({ 'vocab.json': '{}' })).toMatchObject({
      assets: [{ name: 'vocab.json' }],
      warnings: [expect.stringContaining('no tokenizer.json')],
    });
  });

  test('are small', async () => {
    const folder = blobFolder('checkpoint', {});
    const huge = {
      name: 'tokenizer.json',
      size: maxAssetBytes + 1,
      read: () => Promise.reject(new Error('nobody should read this')),
      close: async () => undefined,
    };
    const open = async (name: string): Promise<typeof huge | undefined> =>
      name === huge.name ? huge : undefined;
    await expect(readAssets({ ...folder, open }, vocabSize)).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
      where: { file: 'tokenizer.json', size: maxAssetBytes + 1 },
    });
  });
});

describe('a tokenizer', () => {
  test.each([
    ['of fewer ids than the embedding has rows', tokenizer],
    ['without a vocabulary', { model: { type: 'WordLevel' } }],
    ['with added tokens only', { model: { vocab: {} }, added_tokens: [{ id: 99 }] }],
  ])('%s is taken', async (_, json) => {
    expect((await read(withTokenizer(json))).assets).toHaveLength(1);
  });

  test.each([
    ['the vocabulary', { model: { vocab: { a: 0, b: 100 } } }, 100],
    ['the added tokens', { ...tokenizer, added_tokens: [{ id: 3 }, { id: 123 }] }, 123],
  ])('with an id in %s beyond the embedding is refused', async (_, json, largest) => {
    await expect(read(withTokenizer(json))).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      where: { file: 'tokenizer.json', largest_id: largest, vocab_size: vocabSize },
    });
  });

  test.each([
    ['cut off', JSON.stringify(tokenizer).slice(0, -5)],
    ['a list', '[]'],
    ['a number', '12'],
    ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
  ])('that is %s is refused', async (_, content) => {
    await expect(read({ 'tokenizer.json': content })).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      where: { file: 'tokenizer.json' },
    });
  });
});

test.each(['', '<!DOCTYPE html><html>', 'version https://git-lfs.github.com/spec/v1\n'])(
  'a file that holds %j is called what it is',
  async (content) => {
    await expect(read({ 'tokenizer_config.json': content })).rejects.toMatchObject({
      code: 'FILE_KIND',
      where: { file: 'tokenizer_config.json' },
    });
  },
);

test('a JSON file that is cut off is refused', async () => {
  await expect(read({ 'generation_config.json': '{"eos_token_id": 2' })).rejects.toMatchObject({
    code: 'JSON_SYNTAX',
    where: { file: 'generation_config.json' },
  });
});

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
