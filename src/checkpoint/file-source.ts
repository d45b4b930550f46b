// Files on disk. A read delivers every byte it was asked for or fails: reads go on over short
// counts, and a file that changes under the reader is an error, never a mix of two versions.

import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ToolkitError, type ErrorCode, type ErrorContext } from '../base/errors.ts';
import type { ByteSource, SourceFolder } from '../base/files.ts';
import { checkRange } from './range.ts';
import { sniff, sniffBytes } from './sniff.ts';

/** What a source needs of an open file: Node's FileHandle, or a test's. */
export interface OpenFile {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  stat(options: { readonly bigint: true }): Promise<BigIntStats>;
  close(): Promise<void>;
}

// A FIFO without a writer would block the opening; reading files is not affected.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

// One read may not be asked for more than 2^31 - 1 bytes.
const maxRead = 2 ** 30;

/** A file on disk; `openFile` stands in for Node's own in tests. */
export async function fileSource(
  path: string,
  openFile: (path: string, flags: number) => Promise<OpenFile> = open,
): Promise<ByteSource> {
  const name = basename(path);
  const handle = await openFile(path, flags).catch((error: unknown) => {
    throw openError(error, { file: name });
  });
  try {
    const stats = await regularStats(handle, name);
    const named = await lstat(path).catch(() => undefined);
    const links = Number(stats.nlink) + (named?.isSymbolicLink() === true ? 1 : 0);
    return handleSource(path, handle, stats, links);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A folder on disk: a checkpoint as it was saved, or a snapshot of the Hub's cache. */
export async function openFolder(path: string): Promise<SourceFolder> {
  const stats = await stat(path).catch((error: unknown) => {
    throw openError(error, { path });
  });
  if (!stats.isDirectory()) await refuseFile(path);
  const hub = hubOf(resolve(path));
  return {
    name: basename(hub?.id ?? resolve(path)),
    ...(hub && { hub }),
    list: async () => (await listed(path)).toSorted(),
    open: (file) => openInFolder(path, file),
  };
}

async function listed(path: string): Promise<readonly string[]> {
  return await readdir(path).catch((error: unknown) => {
    throw openError(error, { path });
  });
}

// A snapshot in the Hub's cache lies in `models--<owner>--<name>/snapshots/<commit>`.
const snapshot = /models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})$/;

/** The repository that a folder is a snapshot of. */
function hubOf(path: string): SourceFolder['hub'] {
  const [, owner, name, revision] = snapshot.exec(path) ?? [];
  return revision === undefined ? undefined : { id: `${owner}/${name}`, revision };
}

function handleSource(
  path: string,
  handle: OpenFile,
  opened: BigIntStats,
  links: number,
): ByteSource {
  const name = basename(path);
  const size = Number(opened.size);
  return {
    name,
    size,
    links,
    read: async (start, end, into) => {
      checkRange(start, end, size, name);
      const bytes = into?.subarray(0, end - start) ?? new Uint8Array(end - start);
      if (bytes.length !== end - start) throw new RangeError(`${name}: no room for the bytes`);
      try {
        await fill(handle, bytes, start, name);
        await checkUnchanged(path, opened);
      } catch (error) {
        throw error instanceof ToolkitError ? error : readError(error, { file: name });
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

async function fill(handle: OpenFile, bytes: Uint8Array, start: number, name: string) {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(bytes.length - done, maxRead);
    const { bytesRead } = await handle.read(bytes, done, length, start + done);
    if (bytesRead === 0) throw changed(name);
    done += bytesRead;
  }
}

/** The name still leads to the file that was opened, and nobody wrote to it. */
async function checkUnchanged(path: string, opened: BigIntStats): Promise<void> {
  const named = await stat(path, { bigint: true }).catch(() => undefined);
  const same =
    named?.size === opened.size &&
    named.mtimeNs === opened.mtimeNs &&
    named.ino === opened.ino &&
    named.dev === opened.dev;
  if (!same) throw changed(basename(path));
}

async function regularStats(handle: OpenFile, name: string): Promise<BigIntStats> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) throw kindError({ file: name }, kindOf(stats));
  return stats;
}

async function openInFolder(folder: string, name: string): Promise<ByteSource | undefined> {
  if (basename(name) !== name || name === '..' || name === '.') return undefined;
  const path = join(folder, name);
  try {
    return await fileSource(path);
  } catch (error) {
    if (!(error instanceof ToolkitError) || error.code !== 'INPUT_MISSING') throw error;
    const link = await lstat(path).catch(() => undefined);
    if (link === undefined) return undefined;
    throw new ToolkitError('INPUT_MISSING', 'the file is a link to a file that is not there', {
      where: { file: name },
      fix: 'download it again',
    });
  }
}

async function refuseFile(path: string): Promise<never> {
  const source = await fileSource(path);
  const first = await source
    .read(0, Math.min(source.size, sniffBytes))
    .finally(() => source.close());
  const found = sniff(first, source.size);
  throw new ToolkitError(
    'FILE_KIND',
    `a folder was expected, and this is ${found?.is ?? 'a file'}`,
    {
      where: { path },
      fix: 'give the folder that holds config.json',
    },
  );
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function kindError(where: ErrorContext, kind: string): ToolkitError {
  return new ToolkitError('FILE_KIND', `a file was expected, and this is ${kind}`, {
    where,
    fix: 'put the file itself in its place',
  });
}

function changed(name: string): ToolkitError {
  return new ToolkitError('FILE_CHANGED', 'the file changed while it was read', {
    where: { file: name },
    fix: 'wait until it is written, and start over',
  });
}

const openFailures: Readonly<Record<string, readonly [ErrorCode, string, string]>> = {
  ENOENT: ['INPUT_MISSING', 'there is no such file or folder', 'check the path'],
  ENOTDIR: ['INPUT_MISSING', 'a part of the path is a file, not a folder', 'check the path'],
  ELOOP: ['FILE_KIND', 'the path is a loop of symbolic links', 'put the file itself in its place'],
  EACCES: ['IO_FAILED', 'there is no permission to read this', 'change its permissions'],
  EMFILE: ['IO_FAILED', 'too many files are open', 'raise the limit with ulimit -n'],
};

function openError(error: unknown, where: ErrorContext): ToolkitError {
  const code = errno(error);
  if (code === 'ENXIO') return kindError(where, 'a socket');
  if (code === 'EISDIR') return kindError(where, 'a folder');
  const [failure, rule, fix] = openFailures[code] ?? [];
  if (failure === undefined || rule === undefined) return readError(error, where);
  return new ToolkitError(failure, rule, {
    where,
    ...(fix === undefined ? {} : { fix }),
    cause: error,
  });
}

function readError(error: unknown, where: ErrorContext): ToolkitError {
  return new ToolkitError('IO_FAILED', 'the file could not be read', {
    where: { ...where, error: errno(error) },
    fix: 'check the disk it lies on',
    cause: error,
  });
}

function errno(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  return String(error);
}
