// A thread of gptq: computes shares of products and weights until it is ended.

import { parentPort } from 'node:worker_threads';
import { type Product, productColumns } from '../calibrate/products.ts';
import { compensate, type Compensation } from '../quantize/compensate.ts';

/** Columns of a product, or rows of a weight, as a thread is told of them. */
export type RoundShare = (
  | { readonly product: Product; readonly job?: undefined }
  | { readonly job: Compensation; readonly product?: undefined }
) & { readonly from: number; readonly to: number };

parentPort?.on('message', ({ product, job, from, to }: RoundShare) => {
  if (product !== undefined) productColumns(product, from, to);
  if (job !== undefined) compensate(job, from, to);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage('done');
});
