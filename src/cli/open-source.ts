// What a user names as the source of a conversion.

import { existsSync } from 'node:fs';
import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import { openFolder } from '../checkpoint/file-source.ts';

const hubId = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** Opens a checkpoint's folder; a Hub id is told how to become one. */
export async function openSourceFolder(source: string, revision?: string): Promise<SourceFolder> {
  if (!existsSync(source) && hubId.test(source)) throw hubError(source, revision);
  const folder = await openFolder(source);
  if (revision !== undefined) {
    throw new ToolkitError('USAGE', '--revision is for a Hub repository, and this is a folder', {
      where: { source, revision },
      fix: 'leave it out; the folder is read as it is',
    });
  }
  return folder;
}

function hubError(id: string, revision: string | undefined): ToolkitError {
  const at = revision === undefined ? '' : ` --revision ${revision}`;
  const folder = id.slice(id.indexOf('/') + 1);
  return new ToolkitError(
    'UNSUPPORTED_OPTION',
    'there is no such folder, and this version does not read from the Hub',
    {
      where: { source: id },
      fix: `download it first with \`hf download ${id}${at} --local-dir ${folder}\`, then convert ${folder}`,
    },
  );
}
