// The sources of a command line that names several: revisions of one, or the lines of a list.

import { readFile } from 'node:fs/promises';
import { ToolkitError } from '../base/errors.ts';
import type { ManySources } from './convert-grammar.ts';
import { type ListedSource, parseSourceList } from './source-list.ts';
import { readStandardInput } from './standard-input.ts';
import { textOf } from './text-file.ts';

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
  // not as other files: a shell may hand over a pipe
  const bytes = await readFile(many.list).catch(missing(many.list));
  return parseSourceList(textOf(bytes, 'the list of sources', many.list));
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
