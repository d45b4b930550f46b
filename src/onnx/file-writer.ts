// One file of an output, appended to and hashed as it is written: the thread pool writes a chunk
// while the main thread hashes it. The disk is kept busy from early on, so that making the file
// durable in the end takes little.

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ToolkitError } from '../base/errors.ts';
import type { Hasher, SinkFile, WrittenFile } from '../base/files.ts';

/** Node's SHA-256. */
export function nodeSha256(): Hasher {
  const hash = createHash('sha256');
  return {
    update: (bytes) => hash.update(bytes),
    digest: () => hash.digest('hex'),
  };
}

/** Little enough that an interruption need not wait long for the disk. */
const flushBytes = 32 * 2 ** 20;

/** What a file being written asks of the output it belongs to. */
export interface WriterOwner {
  /** Called at named moments. */
  readonly failpoint: (name: string) => void;
  /** The toolkit's error for a failed system call. */
  readonly explain: (error: unknown, file: string) => Promise<unknown>;
}

export class FileWriter implements SinkFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #owner: WriterOwner;
  readonly #hash: Hasher = nodeSha256();
  #size = 0;
  #flushed = 0;
  #flushing: Promise<void> = Promise.resolve();
  #state: 'open' | 'closed' | 'aborted' = 'open';

  constructor(path: string, handle: FileHandle, owner: WriterOwner) {
    this.#path = path;
    this.#handle = handle;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    this.#owner.failpoint('write');
    const written = this.#append(bytes);
    this.#hash.update(bytes);
    await this.#guard(written);
    this.#owner.failpoint('written');
    await this.#flushAhead();
  }

  async close(): Promise<WrittenFile> {
    this.#check();
    this.#owner.failpoint('sync');
    await this.#guard(this.#flushing); // the system tells of its failure only once
    await this.#guard(this.#handle.sync());
    this.#owner.failpoint('synced');
    this.#state = 'closed';
    await this.#guard(this.#handle.close());
    return { path: this.#path, size: this.#size, sha256: this.#hash.digest() };
  }

  /** Closes without keeping; later writes fail. Waits for a write that is under way. */
  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    await this.#handle.close().catch(() => undefined);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(
        bytes,
        done,
        bytes.length - done,
        this.#size,
      );
      if (bytesWritten === 0) {
        throw new ToolkitError('IO_FAILED', 'the system wrote no byte and gave no reason', {
          where: { file: this.#path },
        });
      }
      done += bytesWritten;
      this.#size += bytesWritten;
    }
  }

  /** Has the disk take what was written so far; waits where the disk falls behind. */
  async #flushAhead(): Promise<void> {
    if (this.#size - this.#flushed < flushBytes) return;
    await this.#guard(this.#flushing);
    this.#flushed = this.#size;
    this.#flushing = this.#handle.datasync();
    this.#flushing.catch(() => {}); // it is awaited at the next part, or in the end
  }

  async #guard<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (this.#state === 'aborted') throw abortedError();
      throw await this.#owner.explain(error, this.#path);
    }
  }

  #check(): void {
    if (this.#state === 'aborted') throw abortedError();
    if (this.#state === 'closed') {
      throw new ToolkitError('INTERNAL', 'a file is written after it was closed', {
        where: { file: this.#path },
      });
    }
  }
}

/** What a write meets after the output was given up. */
export function abortedError(): ToolkitError {
  return new ToolkitError('INTERRUPTED', 'the output was given up while it was written');
}
