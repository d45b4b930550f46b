// A thread of rounding: computes shares of products and weights until it is ended.

import { parentPort } from 'node:worker_threads';
import { type Product, productColumns } from '../calibrate/products.ts';
import { compensate, type Compensation } from '../quantize/compensate.ts';
import { type BlockJob, roundRows } from '../quantize/round-rows.ts';

/** Columns of a product, or rows of a weight, as a thread is told of them. */
export type RoundShare = (
  | { readonly kind: 'product'; readonly product: Product }
  | { readonly kind: 'compensation'; readonly job: Compensation }
  | { readonly kind: 'blocks'; readonly blocks: BlockJob }
) & { readonly from: number; readonly to: number };

parentPort?.on('message', (share: RoundShare) => {
  const { from, to } = share;
  if (share.kind === 'product') productColumns(share.product, from, to);
  else if (share.kind === 'compensation') compensate(share.job, from, to);
  else roundRows(share.blocks, from, to);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage('done');
});
