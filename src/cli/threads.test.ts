import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { startThreads, type Threads } from './threads.ts';

type Message = readonly [from: number, to: number, out: Uint8Array];

/** A thread that counts how often it was given a row; at row 200 it breaks. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ([from, to, out]) => {
      for (let i = from; i < to; i++) out[i]++;
      if (from <= 200 && to > 200) throw new Error('out of memory');
      parentPort.postMessage('done');
    });
  `)}`,
);

let threads: Threads<Message> | undefined;

afterEach(() => threads?.close());

const bytes = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));

test('every row is given to one thread, whatever the number of rows and parts', async () => {
  const { share } = (threads = startThreads<Message>(script, 3));
  const sizes = fc.record({
    size: fc.integer({ min: 0, max: 199 }),
    parts: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, async (...jobs) => {
      // two at a time, as the schemes of a weight are
      const outs = await Promise.all(
        jobs.map(async ({ size, parts }) => {
          const out = bytes(size);
          await share(size, (from, to) => [from, to, out], parts);
          return out;
        }),
      );
      for (const out of outs) expect(out.every((count) => count === 1)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('a thread that breaks is an error, of this work and of what is asked later', async () => {
  const { share } = (threads = startThreads<Message>(script, 2));
  const out = bytes(300);
  const ended = { code: 'INTERNAL', where: { reason: 'out of memory' } };
  await expect(share(300, (from, to) => [from, to, out])).rejects.toMatchObject(ended);
  await expect(share(10, (from, to) => [from, to, out])).rejects.toMatchObject(ended);
});

test('threads that were ended do not leave anybody waiting', async () => {
  const { share, close } = startThreads<Message>(script, 2);
  const work = share(10, (from, to) => [from, to, bytes(10)], 5);
  await Promise.all([expect(work).rejects.toMatchObject({ code: 'INTERNAL' }), close()]);
});
