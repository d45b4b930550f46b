// Who does the long loops: the calling thread, or threads that share its memory. The numbers are
// the same.

import { type BlockEngine, callingThread as blocksHere } from '../quantize/block-engine.ts';
import { compensate, type Compensation } from '../quantize/compensate.ts';
import { type Product, productColumns } from './products.ts';

export interface Engine extends BlockEngine {
  /** Fills the product's `out`. */
  readonly multiply: (product: Product) => Promise<void>;
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
  round: (job, rows) => {
    compensate(job, 0, rows);
    return Promise.resolve();
  },
};
