// Hashes a checkpoint's files on a thread of their own: the main thread has the written files to
// hash, and the numbers to look over.
//
// A file is read into two pieces of memory that both threads see: one fills while the other is
// hashed, and nothing is copied.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, WrittenFile } from '../base/files.ts';
import { chunkBytes } from '../base/limits.ts';
import { hashSource } from '../checkpoint/hash.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';

/** Two pieces take the memory of one chunk. */
const pieceBytes = chunkBytes / 2;

/** Hashing less takes no longer than starting a thread. */
const fewestBytes = 32 * 2 ** 20;

/** Hashes a whole file, beside what the main thread does. */
export async function hashFile(source: ByteSource): Promise<WrittenFile> {
  if (source.size < fewestBytes) return await hashSource(source, nodeSha256());
  return await hashOnThread(source, new Worker(new URL('hash-worker.js', import.meta.url)));
}

/** Hashes a whole file on a thread that runs hash-worker.js, and ends the thread. */
export async function hashOnThread(source: ByteSource, worker: Worker): Promise<WrittenFile> {
  const ask = asker(worker);
  const { name, size } = source;
  const pieces = [sharedBytes(pieceBytes), sharedBytes(pieceBytes)];
  let hashed: Promise<unknown> = Promise.resolve();
  try {
    for (let start = 0, turn = 0; start < size; start += pieceBytes, turn++) {
      const end = Math.min(start + pieceBytes, size);
      const piece = await source.read(start, end, pieces[turn % 2]);
      await hashed;
      hashed = ask(piece);
      hashed.catch(() => {}); // it is awaited in the next round, if there is one
    }
    await hashed;
    return { path: name, size, sha256: String(await ask(undefined)) };
  } finally {
    await worker.terminate();
  }
}

/** Asks a thread one thing at a time; when the thread ends, every answer is an error. */
function asker(worker: Worker): (message: Uint8Array | undefined) => Promise<unknown> {
  const ended = new Promise<never>((_, reject) => {
    worker.once('error', (error) => reject(threadError(error.message, error)));
    worker.once('exit', (code) => reject(threadError(`exit ${code}`)));
  });
  ended.catch(() => {}); // a thread that is ended after its last answer is no failure
  return async (message) => {
    const answered = once(worker, 'message');
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    worker.postMessage(message);
    const [answer]: unknown[] = await Promise.race([answered, ended]);
    return answer;
  };
}

function threadError(reason: string, cause?: Error): ToolkitError {
  return new ToolkitError('INTERNAL', 'the thread that hashes the checkpoint has ended', {
    where: { reason },
    fix: 'convert again with more free memory; please report it if that does not help',
    ...(cause && { cause }),
  });
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}
