// The long loops of rounding on all cores: each thread computes a share of the columns of a product,
// or rounds a share of the rows of a weight, in memory that all of them see.

import { availableParallelism } from 'node:os';
import { callingThread, type Engine } from '../calibrate/engine.ts';
import type { RoundShare } from './round-worker.ts';
import { startThreads } from './threads.ts';

export interface RoundThreads {
  readonly count: number;
  readonly engine: Engine;
  readonly close: () => Promise<void>;
}

/** Products with fewer multiplications take less time than telling the threads. */
const fewest = 500_000;

/** The same of weights. */
const fewestWeights = 50_000;

/** The same of gates. */
const fewestGates = 10_000;

/** Parts of rows for each thread: one that is held up by others' work takes fewer of them. */
const partsEach = 4;

/** Starts threads that run round-worker.js; they keep no process alive. */
export function startRoundThreads(
  count: number = availableParallelism(),
  script: URL = new URL('round-worker.js', import.meta.url),
): RoundThreads {
  const { share, close } = startThreads<RoundShare>(script, count);
  return {
    count,
    engine: {
      multiply: async (product) => {
        const { rows, inDim, outDim } = product;
        if (rows * inDim * outDim < fewest) return await callingThread.multiply(product);
        return await share(outDim, (from, to) => ({ kind: 'product', product, from, to }));
      },
      attend: async (attention) => {
        const { texts, queries, position, numHeads, headDim } = attention;
        const heads = texts * numHeads;
        const most = heads * queries * (position + queries) * headDim;
        if (most < fewest) return await callingThread.attend(attention);
        return await share(heads, (from, to) => ({ kind: 'attention', attention, from, to }));
      },
      gate: async (gate) => {
        const { width, out } = gate;
        if (out.length < fewestGates) return await callingThread.gate(gate);
        return await share(out.length / width, (from, to) => ({ kind: 'gate', gate, from, to }));
      },
      round: async (job, rows) => {
        await share(rows, (from, to) => ({ kind: 'compensation', job, from, to }));
      },
      roundBlocks: async (blocks, rows) => {
        const { weights } = blocks;
        const small = weights.length < fewestWeights;
        // what the threads do not see would be copied to each of them, whole
        if (small || !(weights.buffer instanceof SharedArrayBuffer)) {
          return await callingThread.roundBlocks(blocks, rows);
        }
        const part = (from: number, to: number): RoundShare => ({
          kind: 'blocks',
          blocks,
          from,
          to,
        });
        return await share(rows, part, partsEach * count);
      },
      memory: (bytes) => new SharedArrayBuffer(bytes),
    },
    close,
  };
}
