// Hashes a checkpoint's files on a thread of their own: the main thread has the written files to
// hash, and the numbers to look over.
//
// A file is read into two pieces of memory that both threads see: one fills while the other is
// hashed, and nothing is copied.

import { Worker } from 'node:worker_threads';
import type { ByteSource, WrittenFile } from '../base/files.ts';
import { chunkBytes } from '../base/limits.ts';
import { hashSource } from '../checkpoint/hash.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { askerOf } from './threads.ts';

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
  const ask = askerOf<Uint8Array | undefined>(worker);
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

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}
