// The sources of a command line that names several: revisions of one, or the lines of a list.

import { readFile } from 'node:fs/promises';
import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import type { ManySources } from './convert-grammar.ts';
import { type ListedSource, parseSourceList } from './source-list.ts';
import { readStandardInput } from './standard-input.ts';

/** All sources, in their order; there is at least one. */
export async function readSourceList(many: ManySources): Promise<readonly ListedSource[]> {
  const sources = await listOf(many);
  if (sources.length > 0) return sources;
  throw new ToolkitError('USAGE', 'no source is listed', { fix: 'list one a line' });
}

async function listOf(many: ManySources): Promise<readonly ListedSource[]> {
  if (many.revisions !== undefined) {
    const { source, revisions } = many;
    return revisions.map((revision) => ({ source, revision }));
  }
  if (many.list === '-') return parseSourceList(await readStandardInput('the list of sources'));
  const text = decodeUtf8(await readFile(many.list).catch(missing(many.list)));
  if (text !== undefined) return parseSourceList(text.replace(/^\ufeff/, ''));
  throw new ToolkitError('FILE_KIND', 'the list of sources is not UTF-8 text', {
    where: { file: many.list },
    fix: 'convert it to UTF-8',
  });
}

function missing(file: string): (cause: unknown) => never {
  return (cause) => {
    throw new ToolkitError('INPUT_MISSING', 'the list of sources cannot be read', {
      where: { file },
      fix: 'give the path of a text file',
      cause,
    });
  };
}
