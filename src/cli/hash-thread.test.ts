import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../base/files.ts';
import { hashSource } from '../checkpoint/hash.ts';
import { bytesSource } from '../checkpoint/memory-source.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { hashOnThread, type hashFile } from './hash-thread.ts';

// threads load JavaScript, so they run what is built
const built = join(import.meta.dirname, '../../dist/src/cli');
const startThread = (): Worker => new Worker(join(built, 'hash-worker.js'));

/** A file whose every page differs. */
function fileOf(size: number): ByteSource {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 1021) bytes[at] = at / 1021 + 1;
  return bytesSource('weights', bytes);
}

const megabytes4 = 4 * 2 ** 20;

describe('a file hashed on a thread', () => {
  it.each([
    0,
    1,
    63,
    megabytes4 - 1,
    megabytes4,
    megabytes4 + 1,
    2 * megabytes4,
    3 * megabytes4 + 5,
  ])('of %d bytes has the digest that this thread computes', async (size) => {
    const file = fileOf(size);
    expect(await hashOnThread(file, startThread())).toEqual(await hashSource(file, nodeSha256()));
  });

  it('is one of several at a time', async () => {
    const files = [5, 9, 6].map((size) => fileOf(size * 2 ** 20));
    const found = await Promise.all(files.map((file) => hashOnThread(file, startThread())));
    const wanted = await Promise.all(files.map((file) => hashSource(file, nodeSha256())));
    expect(found).toEqual(wanted);
  });

  it.each([100, 2 ** 25 + 7])('as the command line does has it for %d bytes', async (size) => {
    const module = (await import(
      /* @vite-ignore */ pathToFileURL(join(built, 'hash-thread.js')).href
    )) as { readonly hashFile: typeof hashFile };
    const file = fileOf(size);
    expect(await module.hashFile(file)).toEqual(await hashSource(file, nodeSha256()));
  });
});

describe('a thread that', () => {
  const answer = "require('node:worker_threads').parentPort.on('message', ";

  it.each([
    ['does not start', 'nonsense(', /reason=.*token|reason=.*end of input/],
    ['throws', `${answer}() => { throw new Error('no memory') })`, /reason=no memory/],
    ['ends without a word', `${answer}() => process.exit(3))`, /reason=exit 3/],
  ])('%s is an error of one line', async (_, code, reason) => {
    const error: unknown = await hashOnThread(
      fileOf(3 * megabytes4),
      new Worker(code, { eval: true }),
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INTERNAL', message: expect.stringMatching(reason) });
    expect(error).toMatchObject({ message: expect.not.stringContaining('\n') });
  });

  it('is ended between two pieces is an error at the next', async () => {
    const worker = startThread();
    const file = fileOf(3 * megabytes4);
    const ending: ByteSource = {
      ...file,
      read: async (start, end, into) => {
        if (start > 0) await worker.terminate();
        return await file.read(start, end, into);
      },
    };
    await expect(hashOnThread(ending, worker)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('hashes a file that cannot be read is ended, and the error is that of the file', async () => {
    const worker = startThread();
    const file = fileOf(3 * megabytes4);
    let reads = 0;
    const breaking: ByteSource = {
      ...file,
      read: async (start, end, into) => {
        if (reads++ === 1) throw new Error('the disk is gone');
        return await file.read(start, end, into);
      },
    };
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    await expect(hashOnThread(breaking, worker)).rejects.toThrow('the disk is gone');
    await exited;
  });
});
