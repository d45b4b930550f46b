// Threads that share a range of rows or columns: each takes the next part when it has done one, in
// memory that all of them see.

import { Worker } from 'node:worker_threads';
import { ToolkitError } from '../base/errors.ts';
import { settle } from '../base/settle.ts';

/** What threads make beside their results dies at once: a small nursery keeps memory low. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

export interface Threads<Message> {
  readonly count: number;
  /** Has `size` rows worked on in so many parts, by default one for each thread. */
  readonly share: (
    size: number,
    part: (from: number, to: number) => Message,
    parts?: number,
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts threads that run a script, which answers every message; they keep no process alive. */
export function startThreads<Message>(script: URL, count: number): Threads<Message> {
  const workers = Array.from({ length: count }, () => new Worker(script, { resourceLimits }));
  const askers = workers.map((worker) => askerOf<Message>(worker));
  return {
    count,
    share: async (size, part, parts = count) => {
      const step = 2 * Math.ceil(size / parts / 2); // even bounds: columns are computed in pairs
      let next = 0;
      await settle(
        askers.map(async (ask) => {
          while (next < size) {
            const from = next;
            next = Math.min(size, from + step);
            await ask(part(from, next));
          }
        }),
      );
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Asks a thread, which answers in the order of the questions until it ends. */
export function askerOf<Message>(worker: Worker): (message: Message) => Promise<unknown> {
  const waiting: Waiting[] = [];
  let ended: ToolkitError | undefined;
  const end = (reason: string, cause?: Error): void => {
    ended ??= endedEarly(reason, cause);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  worker.on('message', (answer: unknown) => {
    waiting.shift()?.resolve(answer);
    if (waiting.length === 0) worker.unref();
  });
  worker.once('error', (error) => end(error.message, error));
  worker.once('exit', (code) => end(`exit ${code}`));
  worker.unref();
  return (message) => {
    if (ended) return Promise.reject(ended);
    worker.ref();
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage(message);
    });
  };
}

function endedEarly(reason: string, cause?: Error): ToolkitError {
  return new ToolkitError('INTERNAL', 'a thread that computes has ended', {
    where: { reason },
    fix: 'try again with more free memory; please report it if that does not help',
    ...(cause && { cause }),
  });
}
