// A lock file beside an output folder: one process at a time writes it. The file says who holds it,
// so a lock left by a killed process is recognised and taken over. Its time is refreshed while it
// is held, which is all that a process on another host can go by.

import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { ToolkitError } from '../base/errors.ts';
import { errnoOf } from './file-errors.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from './file-process.ts';

/** A lock is refreshed this often. */
const refreshMs = 30_000;

/** A lock that was not refreshed for so long is stale, if its process cannot be asked for. */
const staleMs = 10 * 60_000;

/** A lock without readable text is being written, unless it is older than this. */
const writingMs = 10_000;

export interface FileLock {
  /** Whether the lock of a dead process was taken over. */
  readonly takenOver: boolean;
  /** Fails when another process has taken the lock over. */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Takes the lock, or fails with LOCKED when a live process holds it. */
export async function acquireLock(path: string): Promise<FileLock> {
  const text = JSON.stringify({
    ...(await ownIdentity()),
    token: randomBytes(8).toString('hex'),
  });
  let takenOver = false;
  while (!(await create(path, text))) {
    const found = await inspect(path);
    if (found === 'held') throw await lockedError(path);
    takenOver ||= found === 'stale';
  }
  return hold(path, text, takenOver);
}

function hold(path: string, text: string, takenOver: boolean): FileLock {
  const refresh = (): void => void utimes(path, new Date(), new Date()).catch(() => undefined);
  const timer = setInterval(refresh, refreshMs);
  timer.unref();
  const isOwn = async (): Promise<boolean> => (await readLock(path))?.text === text;
  return {
    takenOver,
    async check() {
      if (!(await isOwn())) throw await lockedError(path);
    },
    async release() {
      clearInterval(timer);
      if (await isOwn()) await rm(path, { force: true });
    },
  };
}

// The text is complete before the lock's name exists, where the file system knows hard links.
async function create(path: string, text: string): Promise<boolean> {
  const draft = `${path}-${randomBytes(4).toString('hex')}`;
  let drafted = false;
  try {
    await writeFile(draft, text, { flag: 'wx' });
    drafted = true;
    await link(draft, path);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    // ENOENT: the holder of the lock swept the draft away
    if (code === 'EEXIST' || (code === 'ENOENT' && drafted)) return false;
    if (!noLinks.has(code ?? '')) throw error;
    return await createDirectly(path, text);
  } finally {
    await rm(draft, { force: true });
  }
}

const noLinks = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EPERM']);

async function createDirectly(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Looks at a lock that is there, and removes it when its holder is gone. */
async function inspect(path: string): Promise<'held' | 'stale' | 'released'> {
  const lock = await readLock(path);
  if (lock === undefined) return 'released';
  if (!(await isStale(lock))) return 'held';
  // Another process may have taken it over since it was read: look at what was moved.
  const aside = `${path}-${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'released';
    throw error;
  }
  const moved = await readLock(aside);
  const mistaken = moved?.text !== lock.text;
  if (mistaken) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return mistaken ? 'held' : 'stale';
}

interface LockState {
  readonly text: string;
  readonly holder: ProcessIdentity | undefined;
  readonly ageMs: number;
}

async function isStale({ holder, ageMs }: LockState): Promise<boolean> {
  if (holder === undefined) return ageMs > writingMs;
  const running = await isRunning(holder);
  return running === undefined ? ageMs > staleMs : !running;
}

async function readLock(path: string): Promise<LockState | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, holder: parseHolder(text), ageMs: Date.now() - mtimeMs };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): ProcessIdentity | undefined {
  try {
    const { pid, machine, start } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof machine !== 'string') return undefined;
    return { pid, machine, start: typeof start === 'string' ? start : '' };
  } catch {
    return undefined;
  }
}

async function lockedError(path: string): Promise<ToolkitError> {
  const holder = (await readLock(path))?.holder;
  return new ToolkitError('LOCKED', 'another run is writing this output folder', {
    where: {
      lock: path,
      ...(holder === undefined ? {} : { pid: holder.pid, machine: holder.machine }),
    },
    fix: 'wait until it ends; if none runs, delete the lock',
  });
}
