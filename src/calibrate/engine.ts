// Who does the long loops: the calling thread, or threads that share its memory. The numbers are
// the same.

import { compensate, type Compensation } from '../quantize/compensate.ts';
import { type Product, productColumns } from './products.ts';

export interface Engine {
  /** Fills the product's `out`. */
  readonly multiply: (product: Product) => Promise<void>;
  /** Rounds rows of a weight, all of them. */
  readonly round: (job: Compensation, rows: number) => Promise<void>;
  /** Memory of so many bytes that those who do the work see. */
  readonly memory: (bytes: number) => ArrayBuffer | SharedArrayBuffer;
}

/** The calling thread alone. */
export const callingThread: Engine = {
  multiply: (product) => {
    productColumns(product, 0, product.outDim);
    return Promise.resolve();
  },
  round: (job, rows) => {
    compensate(job, 0, rows);
    return Promise.resolve();
  },
  memory: (bytes) => new ArrayBuffer(bytes),
};
