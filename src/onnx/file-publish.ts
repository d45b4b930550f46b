// Puts a finished folder in its place. Where an earlier output is replaced, there is a moment with
// neither: a run killed there leaves the earlier one under its hidden name, and the next run's sweep
// puts it back.

import type { open, rename } from 'node:fs/promises';
import { open as openFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './file-errors.ts';
import { oldPath } from './file-names.ts';
import { existsError, inspectTarget } from './file-target.ts';

/** The system calls that a test replaces. */
export interface OutputFs {
  readonly open: typeof open;
  readonly rename: typeof rename;
}

export interface Exchange {
  readonly target: string;
  /** What takes the target's place. */
  readonly folder: string;
  /** Whether a folder with files is replaced. */
  readonly force: boolean;
  readonly failpoint: (name: string) => void;
  readonly fs: OutputFs;
}

/** Renames the folder to the target, and deletes what was there. */
export async function exchange(exchanged: Exchange): Promise<void> {
  const { target, folder, force, failpoint, fs } = exchanged;
  const parent = dirname(target);
  // POSIX renames over an empty folder, Windows over none
  const found = await inspectTarget(target);
  if (found === 'full' && !force) throw existsError(target);
  const replaces = found === 'full' || (found === 'empty' && process.platform === 'win32');
  const old = replaces ? oldPath(target) : undefined;
  failpoint('exchange');
  if (old !== undefined) await fs.rename(target, old);
  failpoint('moved-old');
  try {
    await fs.rename(folder, target);
  } catch (error) {
    if (old !== undefined) await fs.rename(old, target);
    throw error;
  }
  failpoint('exchanged');
  await syncFolders([parent]);
  failpoint('durable');
  // a file that resists is the next run's to sweep
  if (old !== undefined) await rm(old, { recursive: true, force: true }).catch(() => undefined);
  failpoint('cleared');
}

/** Makes the names in folders durable, where the system can. */
export async function syncFolders(paths: readonly string[]): Promise<void> {
  if (process.platform === 'win32') return;
  for (const path of paths) {
    const handle = await openFile(path, 'r');
    try {
      await handle.sync();
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw error;
    } finally {
      await handle.close();
    }
  }
}
