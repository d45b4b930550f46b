// A thread of rounding: computes shares of products and weights until it is ended.

import { parentPort } from 'node:worker_threads';
import { type Attention, attendHeads } from '../calibrate/attention.ts';
import { type Gate, gateRows } from '../calibrate/gate.ts';
import { type Product, productColumns } from '../calibrate/products.ts';
import { compensate, type Compensation } from '../quantize/compensate.ts';
import { type BlockJob, roundRows } from '../quantize/round-rows.ts';

/** Columns of a product, heads of an attention, or rows of a gate or weight, as a thread is told of them. */
export type RoundShare = (
  | { readonly kind: 'product'; readonly product: Product }
  | { readonly kind: 'attention'; readonly attention: Attention }
  | { readonly kind: 'gate'; readonly gate: Gate }
  | { readonly kind: 'compensation'; readonly job: Compensation }
  | { readonly kind: 'blocks'; readonly blocks: BlockJob }
) & { readonly from: number; readonly to: number };

parentPort?.on('message', (share: RoundShare) => {
  const { from, to } = share;
  if (share.kind === 'product') productColumns(share.product, from, to);
  else if (share.kind === 'attention') attendHeads(share.attention, from, to);
  else if (share.kind === 'gate') gateRows(share.gate, from, to);
  else if (share.kind === 'compensation') compensate(share.job, from, to);
  else roundRows(share.blocks, from, to);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage('done');
});
