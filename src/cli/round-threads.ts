// The long loops of gptq on all cores: each thread computes a share of the columns of a product, or
// rounds a share of the rows of a weight, in memory that all of them see.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { callingThread, type Engine } from '../calibrate/engine.ts';
import type { RoundShare } from './round-worker.ts';

export interface RoundThreads {
  readonly count: number;
  readonly engine: Engine;
  readonly close: () => Promise<void>;
}

/** Products with fewer multiplications take less time than telling the threads. */
const fewest = 500_000;

/** Starts threads that run round-worker.js; they keep no process alive. */
export function startRoundThreads(
  count: number = availableParallelism(),
  script: URL = new URL('round-worker.js', import.meta.url),
): RoundThreads {
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(script);
    worker.unref();
    return worker;
  });
  const share = async (
    size: number,
    part: (from: number, to: number) => RoundShare,
  ): Promise<void> => {
    // even bounds: columns are computed in pairs
    const step = 2 * Math.ceil(size / count / 2);
    await Promise.all(
      workers.map(async (worker, index) => {
        const from = Math.min(size, index * step);
        const to = Math.min(size, from + step);
        if (from < to) await compute(worker, part(from, to));
      }),
    );
  };
  return {
    count,
    engine: {
      multiply: async (product) => {
        const { rows, inDim, outDim } = product;
        if (rows * inDim * outDim < fewest) return await callingThread.multiply(product);
        return await share(outDim, (from, to) => ({ product, from, to }));
      },
      round: async (job, rows) => await share(rows, (from, to) => ({ job, from, to })),
      memory: (bytes) => new SharedArrayBuffer(bytes),
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

async function compute(worker: Worker, share: RoundShare): Promise<void> {
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
