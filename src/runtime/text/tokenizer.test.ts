import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { openFolder } from '../../checkpoint/file-source.ts';
import { blobFolder } from '../../checkpoint/memory-source.ts';
import { openTokenizer, tokenizerOf } from './tokenizer.ts';

const root = join(import.meta.dirname, '../../..');

const { texts } = JSON.parse(readFileSync(join(root, 'test/data/tokenized.json'), 'utf8')) as {
  readonly texts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly decoded: string;
  }[];
};

describe.each(['shakespeare', 'shakespeare-mood'])('the tokenizer of %s', (name) => {
  it('gives the ids and the texts that transformers gives', async () => {
    const tokenizer = await openTokenizer(await openFolder(join(root, 'golden', name)));
    for (const { text, ids, decoded } of texts) {
      expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
      expect(tokenizer.decode(ids)).toBe(decoded);
    }
    expect(texts.length).toBeGreaterThan(20);
  });

  it('leaves out special tokens where it is told to', async () => {
    const tokenizer = await openTokenizer(await openFolder(join(root, 'golden', name)));
    const whole = tokenizer.encode('To be, or not');
    const plain = tokenizer.encode('To be, or not', { special: false });
    expect(plain).toEqual(whole.slice(1));
    expect(tokenizer.decode(plain)).toBe('To be, or not');
  });

  it('has no text for ids beyond its tokens, and none for none', async () => {
    const tokenizer = await openTokenizer(await openFolder(join(root, 'golden', name)));
    const [first = 0, ...others] = tokenizer.encode('To be');
    expect(tokenizer.decode([first, 99_999, ...others])).toBe('To be');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([first])).toBe('');
  });
});

test('a folder without a tokenizer is told what is missing', async () => {
  await expect(openTokenizer(blobFolder('empty', {}))).rejects.toMatchObject({
    code: 'INPUT_MISSING',
    message: expect.stringContaining('the folder has no tokenizer.json (folder=empty)'),
  });
});

test('a tokenizer of an unknown kind is named as such', () => {
  const members = { model: { type: 'Abacus', vocab: {} }, added_tokens: [] };
  expect(() => tokenizerOf(members, {})).toThrow(
    expect.objectContaining({ code: 'TOKENIZER_INVALID' }),
  );
});
