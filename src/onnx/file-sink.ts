// An output folder that appears whole or not at all. Everything is written to a hidden folder
// beside the target and renamed at the end, under a lock; whatever happens before, the target is
// as it was. A run that is killed leaves hidden files, which the next run on the target sweeps.

import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ToolkitError, type ErrorContext } from '../base/errors.ts';
import type { Sink, SinkFile } from '../base/files.ts';
import { createError, errnoOf, writeError } from './file-errors.ts';
import { acquireLock, type FileLock } from './file-lock.ts';
import { lockPath, partialPath } from './file-names.ts';
import { exchange, syncFolders, type Exchange, type OutputFs } from './file-publish.ts';
import { freeBytes } from './file-space.ts';
import { sweep } from './file-sweep.ts';
import {
  existsError,
  inspectTarget,
  makeFolder,
  makeParents,
  removeParents,
  targetPath,
} from './file-target.ts';
import { abortedError, FileWriter, type WriterOwner } from './file-writer.ts';

export { nodeSha256 } from './file-writer.ts';

export interface OutputOptions {
  /** Replace a folder that holds files. */
  readonly force: boolean;
  /** Called at named moments of the work; a test kills the process there. */
  readonly failpoint?: (name: string) => void;
  /** System calls, so that a test can make them fail. */
  readonly fs?: OutputFs;
}

/**
 * Prepares to write a folder at `target`. Fails at once where that cannot succeed: with
 * OUTPUT_EXISTS, OUTPUT_CREATE, LOCKED or DISK_FULL.
 */
export async function createOutput(target: string, options: OutputOptions): Promise<FileOutput> {
  const path = targetPath(target);
  const failpoint = options.failpoint ?? ((): void => undefined);
  await inspectTarget(path); // before anything is made
  const made = await makeParents(path);
  let lock: FileLock | undefined;
  try {
    lock = await acquireLock(lockPath(path));
    failpoint('locked');
    const notes = lock.takenOver ? ['took over the lock of a run that is gone'] : [];
    notes.push(...(await sweep(path)));
    failpoint('swept');
    if ((await inspectTarget(path)) === 'full' && !options.force) throw existsError(path);
    const folder = partialPath(path);
    await mkdir(folder);
    failpoint('staged');
    const fs = options.fs ?? { open, rename };
    return new FileOutput({
      target: path,
      folder,
      made,
      lock,
      notes,
      failpoint,
      fs,
      force: options.force,
    });
  } catch (error) {
    await lock?.release();
    await removeParents(made);
    throw createError(error, { output: path });
  }
}

interface Staging extends Exchange {
  /** Folders above the target that did not exist. */
  readonly made: readonly string[];
  readonly lock: FileLock;
  readonly notes: readonly string[];
}

/** A folder being written; `publish` puts it in place, `abort` leaves nothing of it. */
export class FileOutput implements Sink {
  readonly #staging: Staging;
  readonly #owner: WriterOwner;
  readonly #folders: Set<string>;
  readonly #files: FileWriter[] = [];
  #reserved: number | undefined;
  #publishing: Promise<void> | undefined;
  #aborting: Promise<void> | undefined;

  constructor(staging: Staging) {
    this.#staging = staging;
    this.#folders = new Set([staging.folder]);
    this.#owner = {
      failpoint: staging.failpoint,
      explain: async (error, file) => writeError(error, { file, ...(await this.#space(error)) }),
    };
  }

  /** Where the files lie until they are published. */
  get folder(): string {
    return this.#staging.folder;
  }

  /** What was found and cleared of interrupted runs, in sentences. */
  get notes(): readonly string[] {
    return this.#staging.notes;
  }

  /** Fails with DISK_FULL when the disk has less room than `bytes`. */
  async reserve(bytes: number): Promise<void> {
    this.#reserved = bytes;
    const free = await freeBytes(this.folder);
    if (free === undefined || free >= bytes) return;
    throw new ToolkitError('DISK_FULL', 'the disk has too little room', {
      where: { output: this.#staging.target, needed: bytes, free },
      fix: 'free some space, or choose a folder on another disk',
    });
  }

  /** Opens a file; one that exists is written anew. */
  async create(path: string): Promise<SinkFile> {
    if (this.#aborting !== undefined) throw abortedError();
    const parts = path.split('/');
    if (path.includes('\\') || parts.some((part) => part === '' || /^\.\.?$/.test(part))) {
      throw new ToolkitError('INTERNAL', 'a file would be written outside the output', {
        where: { path },
      });
    }
    this.#owner.failpoint('create');
    try {
      await this.#makeFolders(parts.slice(0, -1));
      const handle = await this.#staging.fs.open(join(this.folder, ...parts), 'w');
      const file = new FileWriter(path, handle, this.#owner);
      this.#files.push(file);
      // an abort that came while the file was opened did not see it
      if (this.#isAborted()) await file.abort();
      this.#owner.failpoint('created');
      return file;
    } catch (error) {
      if (this.#isAborted()) throw abortedError();
      throw await this.#owner.explain(error, path);
    }
  }

  /** Makes everything durable and puts the folder in its place. */
  async publish(): Promise<void> {
    if (this.#aborting !== undefined) throw abortedError();
    this.#publishing ??= this.#publish();
    await this.#publishing;
  }

  /** Gives the output up. After `publish` has begun, waits for its end instead. */
  async abort(): Promise<void> {
    if (this.#publishing !== undefined) return await this.#publishing.catch(() => undefined);
    this.#aborting ??= this.#remove();
    await this.#aborting;
  }

  async #publish(): Promise<void> {
    const { target, lock, made } = this.#staging;
    try {
      if (this.#files.some(({ isOpen }) => isOpen)) {
        throw new ToolkitError('INTERNAL', 'a file is still open when the output is published');
      }
      this.#owner.failpoint('publish');
      await syncFolders([...this.#folders].toReversed());
      await lock.check();
      await exchange(this.#staging);
      await syncFolders(made.map((folder) => dirname(folder)));
      await lock.release();
    } catch (error) {
      await this.#remove();
      throw createError(error, { output: target });
    }
  }

  async #remove(): Promise<void> {
    const { folder, lock, made } = this.#staging;
    await Promise.all(this.#files.map((file) => file.abort()));
    // a folder made meanwhile by a file being opened is removed in a second try
    await rm(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
    await lock.release();
    await removeParents(made);
  }

  #isAborted(): boolean {
    return this.#aborting !== undefined;
  }

  async #makeFolders(parts: readonly string[]): Promise<void> {
    let path = this.folder;
    for (const part of parts) {
      path = join(path, part);
      if (this.#folders.has(path)) continue;
      await makeFolder(path);
      this.#folders.add(path);
    }
  }

  async #space(error: unknown): Promise<ErrorContext> {
    if (errnoOf(error) !== 'ENOSPC') return {};
    const free = await freeBytes(this.folder);
    return {
      ...(this.#reserved === undefined ? {} : { needed: this.#reserved }),
      ...(free === undefined ? {} : { free }),
    };
  }
}
