// Attention layers run on the GPU as a plan runs them: kernel after kernel over packed rows, the
// cache of one call handed to the next.

import { expect } from 'vitest';
import { attendStep } from '../ops/fused-attention/kernel-step.ts';
import { attendTiles } from '../ops/fused-attention/kernel-tiles.ts';
import { mergeSplits } from '../ops/fused-attention/kernel-merge.ts';
import { queriesPerTile } from '../ops/fused-attention/kernel-tile-size.ts';
import { rotate } from '../ops/fused-attention/kernel-rotate.ts';
import type { AttentionShape } from '../ops/fused-attention/kernel-shape.ts';
import { canSplit, partialsFloats } from '../ops/fused-attention/kernel-step-size.ts';
import { writeCache } from '../ops/fused-attention/kernel-write-cache.ts';
import type { Device } from '../src/runtime/gpu/device.ts';
import type { GpuLimits, Kernel, Lengths } from '../src/wgsl.ts';
import { packed, packing, type Sequence, type Span, tablesOf } from './attention-run.ts';
import { type Content, type Matrix, runKernel, zeros } from './gpu.ts';

export interface Cache {
  readonly keys: Matrix;
  readonly values: Matrix;
}

export interface Batch {
  readonly device: Device;
  readonly shape: AttentionShape;
  /** The device's, or less. */
  readonly limits: GpuLimits;
  readonly sequences: readonly Sequence[];
}

export interface Attended extends Cache {
  readonly context: Matrix;
}

/** Several tokens a row: rotate, attendTiles, writeCache. */
export async function attendSpans(
  { device, shape, limits, sequences }: Batch,
  spans: readonly Span[],
  cache: Cache,
): Promise<Attended> {
  const { lengths, ...words } = packing(sequences, spans, queriesPerTile(shape, limits));
  const run = runner(device, { ...lengths, cacheRows: sequences.length + 1 });
  const raw = { ...words, ...tablesOf(shape), ...cache, qkv: packed(sequences, spans, 'qkv') };
  const { qkv = raw.qkv } = await run(rotate(shape, limits), raw);
  const turned = { ...raw, qkv, context: zeros(lengths.tokens, shape.heads * shape.headDim) };
  const { context = turned.context } = await run(attendTiles(shape, limits), turned);
  if (!shape.cached) return { ...cache, context };
  return { ...cache, context, ...(await run(writeCache(shape, limits), turned)) };
}

/** One token a row: attendStep, and mergeSplits where there are parts. */
export async function attendOne(
  { device, shape, limits, sequences }: Batch,
  past: readonly number[],
  cache: Cache,
  splits: number,
): Promise<Attended> {
  const spans = past.map((length) => ({ past: length, count: 1 }));
  const { lengths, rows } = packing(sequences, spans, 1);
  const parts = canSplit(shape) ? splits : 1;
  const run = runner(device, { ...lengths, cacheRows: sequences.length + 1, splits: parts });
  const width = 4;
  const floats = partialsFloats(shape, spans.length, parts);
  const contents = {
    rows,
    ...tablesOf(shape),
    ...cache,
    qkv: packed(sequences, spans, 'qkv'),
    context: zeros(spans.length, shape.heads * shape.headDim),
    partials: zeros(floats / width, width),
  };
  const stepped = { ...contents, ...(await run(attendStep(shape, limits), contents)) };
  const merged = parts === 1 ? {} : await run(mergeSplits(shape, limits), stepped);
  const { context, keys, values } = { ...stepped, ...merged };
  return { context, keys, values };
}

/** Runs kernels; what they wrote comes back as the matrices it was. */
function runner(
  device: Device,
  lengths: Partial<Lengths>,
): (
  kernel: Kernel,
  contents: Readonly<Record<string, Content>>,
) => Promise<Readonly<Record<string, Matrix>>> {
  return async (kernel, contents) => {
    const written = await runKernel(device, kernel, lengths, contents);
    return Object.fromEntries(
      Object.entries(written).map(([name, data]) => {
        const content = contents[name];
        if (!content || ArrayBuffer.isView(content)) return expect.fail(`${name} is no matrix`);
        return [name, { ...content, data }];
      }),
    );
  };
}
