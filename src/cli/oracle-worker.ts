// A thread of the oracle: computes shares of products until it is ended.

import { parentPort } from 'node:worker_threads';
import { linearRange } from '../validate/oracle-linear.ts';

/** A share of a product, as a thread is told of it. */
export interface Share {
  readonly x: Float64Array;
  readonly rows: number;
  readonly weight: Float32Array;
  readonly inDim: number;
  readonly outDim: number;
  readonly from: number;
  readonly to: number;
  readonly out: Float64Array;
}

parentPort?.on('message', ({ x, rows, weight, inDim, outDim, from, to, out }: Share) => {
  linearRange(x, rows, weight, inDim, outDim, from, to, out);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage('done');
});
