// The oracle's products on all cores: each thread computes a share of the output columns, into
// memory that all of them see.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { linear, type Linear } from '../validate/oracle-linear.ts';
import type { Share } from './oracle-worker.ts';

export interface OracleThreads {
  /** How many threads compute. */
  readonly count: number;
  /** Wants its arrays on shared memory; others are copied to every thread. */
  readonly linear: Linear;
  readonly close: () => Promise<void>;
}

/** Products with fewer multiplications take less time than telling the threads. */
const fewest = 200_000;

/** Starts the threads; they keep no process alive. */
export function startOracleThreads(count: number = availableParallelism()): OracleThreads {
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(new URL('oracle-worker.js', import.meta.url));
    worker.unref();
    return worker;
  });
  return {
    count,
    linear: async (x, rows, weight, inDim, outDim) => {
      if (rows * inDim * outDim < fewest) return await linear(x, rows, weight, inDim, outDim);
      const out = new Float64Array(new SharedArrayBuffer(8 * rows * outDim));
      // even bounds: columns are computed in pairs
      const step = 2 * Math.ceil(outDim / count / 2);
      await Promise.all(
        workers.map((worker, index) => {
          const from = Math.min(outDim, index * step);
          const to = Math.min(outDim, from + step);
          const share: Share = { x, rows, weight, inDim, outDim, from, to, out };
          return from === to ? Promise.resolve() : compute(worker, share);
        }),
      );
      return out;
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

async function compute(worker: Worker, share: Share): Promise<void> {
  worker.ref();
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => {
        worker.off('error', reject);
        resolve();
      });
      worker.once('error', reject);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage(share);
    });
  } finally {
    worker.unref();
  }
}
