// What a user names as the source of a conversion: a folder, or a repository of the Hub, which is
// fetched into the cache that the Hub's tools share.

import { existsSync } from 'node:fs';
import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { readHubSettings } from '../hub/file-settings.ts';
import { openSnapshot } from '../hub/file-snapshot.ts';
import { isHubId } from '../hub/names.ts';
import { openHub } from '../hub/request.ts';
import type { Context } from './command.ts';

export interface SourceFlags {
  readonly revision?: string;
  readonly offline?: boolean;
}

/** A source that was opened. */
export interface OpenedSource {
  readonly folder: SourceFolder;
  /** Where its files lie. */
  readonly path: string;
}

/** Opens a checkpoint's folder; a folder of this name goes before a repository. */
export async function openSourceFolder(
  source: string,
  { revision, offline = false }: SourceFlags,
  context: Pick<Context, 'env' | 'messages' | 'progress'>,
): Promise<OpenedSource> {
  if (!existsSync(source) && isHubId(source)) {
    const { path } = await openSnapshot(
      openHub(readHubSettings(context.env, { offline })),
      source,
      {
        ...(revision === undefined ? {} : { revision }),
        onProgress: (done, total) => {
          context.progress.update({ stage: `downloading ${source}`, done, total });
        },
      },
    );
    return { folder: await openFolder(path), path };
  }
  const folder = await openFolder(source);
  if (revision !== undefined) {
    throw new ToolkitError('USAGE', '--revision is for a Hub repository, and this is a folder', {
      where: { source, revision },
      fix: 'leave it out; the folder is read as it is',
    });
  }
  if (isHubId(source)) context.messages.note(`${source} is a folder here, and is taken for that`);
  return { folder, path: source };
}
