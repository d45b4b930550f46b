// Clears what interrupted runs left beside an output folder. It runs under the folder's lock, so
// nobody else is writing: an exchange that had taken the earlier output away and not yet put the
// other one in is rolled back, one that had is finished, and partial outputs are deleted.

import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findLeftovers, type Leftover } from './file-names.ts';
import { startedBefore } from './file-process.ts';

/** Sweeps, and says what it did in sentences. */
export async function sweep(target: string): Promise<readonly string[]> {
  const parent = dirname(target);
  const leftovers = findLeftovers(target, await readdir(parent));
  const notes: string[] = [];
  if (await rollBack(target, leftovers)) {
    notes.push('put back the earlier output, which an interrupted run had moved away');
  }
  let removed = 0;
  for (const leftover of leftovers) {
    const path = join(parent, leftover.name);
    if (leftover.kind === 'partial' && (await isWritten(path, leftover.pid))) continue;
    const found = leftover.kind !== 'lock' && (await exists(path));
    try {
      await rm(path, { recursive: true, force: true });
      removed += Number(found);
    } catch {
      // of another user, perhaps: it is in nobody's way
      notes.push(`${leftover.name} of an earlier run cannot be deleted; delete it by hand`);
    }
  }
  if (removed > 0) {
    notes.push(
      `deleted ${removed} unfinished ${removed === 1 ? 'folder' : 'folders'} of an interrupted run`,
    );
  }
  return notes;
}

async function rollBack(target: string, leftovers: readonly Leftover[]): Promise<boolean> {
  const olds = leftovers.filter(({ kind }) => kind === 'old');
  if (olds.length === 0 || (await exists(target))) return false;
  const parent = dirname(target);
  const aged = await Promise.all(
    olds.map(async ({ name }) => ({ name, time: (await stat(join(parent, name))).ctimeMs })),
  );
  const newest = aged.toSorted((a, b) => b.time - a.time)[0];
  if (newest === undefined) return false;
  await rename(join(parent, newest.name), target);
  return true;
}

// A lock deleted by hand must not cost a run that still writes its output.
async function isWritten(path: string, pid: number): Promise<boolean> {
  const { birthtimeMs } = await stat(path);
  return startedBefore(pid, birthtimeMs);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
