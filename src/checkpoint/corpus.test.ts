// Good and bad files, each with the verdict it must get; the last column of expected.tsv.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { fileSource } from './file-source.ts';
import { blobSource, bytesSource } from './memory-source.ts';
import { readSafetensors } from './safetensors.ts';

const folder = new URL('../../test/data/bad-safetensors/', import.meta.url);
const rows = readFileSync(new URL('expected.tsv', folder), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t'));

async function verdict(source: ByteSource): Promise<{ code: string; file?: unknown }> {
  try {
    const { warnings } = await readSafetensors(source);
    return { code: warnings.length === 0 ? 'OK' : 'OK+W_UNKNOWN_FIELD' };
  } catch (error) {
    if (!(error instanceof ToolkitError)) throw error;
    return { code: error.code, file: error.where['file'] };
  } finally {
    await source.close();
  }
}

test('the corpus is whole, and stricter than the reference in ten verdicts', () => {
  const stricter = rows.filter(([, , reference, expected]) => reference !== expected);
  expect([rows.length, stricter.length]).toEqual([108, 10]); // one of them a warning
  expect(stricter.filter(([, , reference]) => reference !== 'OK').map(([id]) => id)).toEqual([
    '028',
  ]);
});

describe.each(rows)('%s %s', (id, _name, _reference, expected) => {
  const url = new URL(`${id}.safetensors`, folder);
  const bytes = new Uint8Array(readFileSync(url));

  test.each([
    ['a file', () => fileSource(url.pathname)],
    ['memory', async () => bytesSource(`${id}.safetensors`, bytes)],
    ['a blob', async () => blobSource(`${id}.safetensors`, new Blob([bytes]))],
  ])(`is ${expected} from %s`, async (_from, open) => {
    const refused = expected?.startsWith('OK') === false;
    expect(await verdict(await open())).toEqual({
      code: expected,
      ...(refused ? { file: `${id}.safetensors` } : {}),
    });
  });
});
