// The oracle's products on all cores: each thread computes a share of the output columns, into
// memory that all of them see.

import { availableParallelism } from 'node:os';
import { linear, type Linear } from '../validate/oracle-linear.ts';
import type { Share } from './oracle-worker.ts';
import { startThreads } from './threads.ts';

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
  const script = new URL('oracle-worker.js', import.meta.url);
  const { share, close } = startThreads<Share>(script, count);
  return {
    count,
    linear: async (x, rows, weight, inDim, outDim) => {
      if (rows * inDim * outDim < fewest) return await linear(x, rows, weight, inDim, outDim);
      const out = new Float64Array(new SharedArrayBuffer(8 * rows * outDim));
      await share(outDim, (from, to) => ({ x, rows, weight, inDim, outDim, from, to, out }));
      return out;
    },
    close,
  };
}
