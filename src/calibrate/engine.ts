// Who does the long loops: the calling thread, or threads that share its memory. The numbers are
// the same.

import { type BlockEngine, callingThread as blocksHere } from '../quantize/block-engine.ts';
import { compensate, type Compensation } from '../quantize/compensate.ts';
import { type Attention, attendHeads } from './attention.ts';
import { type Gate, gateRows } from './gate.ts';
import { type Product, productColumns } from './products.ts';

export interface Engine extends BlockEngine {
  /** Fills the product's `out`. */
  readonly multiply: (product: Product) => Promise<void>;
  /** Fills the attention's `out` and `farthest`. */
  readonly attend: (job: Attention) => Promise<void>;
  /** Fills the gate's `out`. */
  readonly gate: (job: Gate) => Promise<void>;
  /** Rounds rows of a weight, all of them. */
  readonly round: (job: Compensation, rows: number) => Promise<void>;
}

/** The calling thread alone. */
export const callingThread: Engine = {
  ...blocksHere,
  multiply: (product) => {
    productColumns(product, 0, product.outDim);
    return Promise.resolve();
  },
  attend: (job) => {
    attendHeads(job, 0, job.texts * job.numHeads);
    return Promise.resolve();
  },
  gate: (job) => {
    gateRows(job, 0, job.out.length / job.width);
    return Promise.resolve();
  },
  round: (job, rows) => {
    compensate(job, 0, rows);
    return Promise.resolve();
  },
};
