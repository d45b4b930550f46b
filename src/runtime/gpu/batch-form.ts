// What follows from a batch's lengths before it runs: how large a batch may be, which form of the
// plan it takes, and in how many parts its caches are read.

import type { AttentionShape } from '../../../ops/fused-attention/kernel-shape.ts';
import { splitsFor } from '../../../ops/fused-attention/kernel-step-size.ts';
import type { GpuLimits } from '../../wgsl.ts';
import type { Packed } from './batch.ts';
import type { Form } from './lower.ts';
import { productForm } from './product-form.ts';
import type { Plan } from './steps.ts';

/** Tokens of one run: enough to keep a GPU busy, few enough to bound memory. */
const mostTokens = 2048;

/** Bytes of the outputs of one run. */
const mostResultBytes = 128 * 2 ** 20;

/** Tokens and outputs of one run at most. */
export function mostOf(
  { rows, output }: Plan,
  { bindingBytes }: Pick<GpuLimits, 'bindingBytes'>,
): readonly [tokens: number, kept: number] {
  const widest = Math.max(
    ...[...rows.values()].filter(({ set }) => set === 'tokens').map(({ width }) => width),
  );
  const result = bytesOf(rows.get(output.value)?.width ?? 1);
  const tokens = Math.floor(bindingBytes / bytesOf(widest));
  const kept = Math.floor(Math.min(bindingBytes, mostResultBytes) / result);
  return [Math.max(1, Math.min(mostTokens, tokens)), Math.max(1, Math.min(mostTokens, kept))];
}

function bytesOf(width: number): number {
  return 4 * Math.ceil(width / 4) * 4;
}

export function formOf({ tokens, kept, single, keepsAll }: Packed, cached: boolean): Form {
  return {
    tokens: productForm(tokens),
    kept: productForm(kept),
    attention: single && cached ? 'step' : 'tiles',
    cached,
    keeps: kept === 0 ? 'none' : keepsAll ? 'all' : 'some',
  };
}

/** Parts that the longest cache of a decode step is read in; 1 in a prefill. */
export function splitsOf(
  shapes: readonly AttentionShape[],
  { longest, single }: Packed,
  rows: number,
): number {
  const splits = shapes.map((shape) => splitsFor(shape, { longest, rows }));
  return single ? Math.max(1, ...splits) : 1;
}
