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
  flags: SourceFlags,
  context: Context,
): Promise<OpenedSource> {
  const { revision } = flags;
  if (!existsSync(source) && isHubId(source)) {
    const path = await download(source, flags, context);
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

/** Fetches a repository into the cache; a signal ends that, and the next run goes on there. */
async function download(
  id: string,
  { revision, offline = false }: SourceFlags,
  { env, progress, interrupts }: Context,
): Promise<string> {
  const interruption = new AbortController();
  const opening = openSnapshot(openHub(readHubSettings(env, { offline })), id, {
    ...(revision === undefined ? {} : { revision }),
    signal: interruption.signal,
    onProgress: (done, total) => progress.update({ stage: `downloading ${id}`, done, total }),
  });
  const release = interrupts.guard(async () => {
    interruption.abort();
    await opening.catch(() => undefined);
  });
  try {
    return (await opening).path;
  } finally {
    release();
  }
}
