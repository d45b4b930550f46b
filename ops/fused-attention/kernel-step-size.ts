// How a decode step divides the keys of a row and head: over the threads of a workgroup, and for
// long caches over several workgroups.

import type { GpuLimits } from '../../src/wgsl.ts';
import { type AttentionShape, widthsOf } from './kernel-shape.ts';

export interface StepSize {
  readonly threads: number;
  /** Threads that share a key's score: neighbors read neighboring vectors. */
  readonly lanes: number;
  /** Keys whose scores are computed at once. */
  readonly together: number;
  /** Keys of a block. */
  readonly keys: number;
  /** Groups of threads that sum values, one thread a vector of the head. */
  readonly groups: number;
  /** Keys or values that a thread reads before it uses them. */
  readonly batch: number;
}

const mostInBatch = 4;

export function stepSize(shape: AttentionShape, limits: GpuLimits): StepSize {
  const { head } = widthsOf(shape);
  const threads = Math.min(limits.workgroupSize, 128);
  const lanes = [8, 4, 2].find((count) => count <= head) ?? 2;
  const groups = Math.floor(threads / head);
  const together = threads / lanes;
  const batch = Math.min(lanes, mostInBatch);
  const seen = shape.window < 0 ? threads : Math.max(shape.window - 1, 1);
  const step = together * batch;
  const keys = Math.ceil(Math.min(threads, seen) / step) * step;
  return { threads, lanes, together, keys, groups, batch };
}

/** A window up to here is one workgroup's work. */
const mostInOnePart = 1024;

/** Keys that are worth a workgroup. */
const leastInPart = 256;

/** Workgroups that keep a large GPU busy. */
const enoughWorkgroups = 1024;

/** Whether a layer's decode step can be divided: then it takes `partials`. */
export function canSplit({ window }: AttentionShape): boolean {
  return window < 0 || window > mostInOnePart;
}

/**
 * Parts that a decode step of `rows` rows is divided into when the longest of them sees `longest`
 * keys: `lengths.splits`. More than one asks for `mergeSplits`.
 */
export function splitsFor(
  shape: AttentionShape,
  { longest, rows }: { readonly longest: number; readonly rows: number },
): number {
  if (!canSplit(shape)) return 1;
  const seen = shape.window < 0 ? longest : Math.min(longest, shape.window);
  const most = Math.ceil(seen / leastInPart);
  const useful = Math.ceil(enoughWorkgroups / Math.max(rows * shape.heads, 1));
  return Math.max(1, Math.min(most, useful));
}

/** Floats of `partials`. */
export function partialsFloats(shape: AttentionShape, rows: number, splits: number): number {
  return rows * shape.heads * splits * partWidth(shape) * 4;
}

/** Vectors of one part: its sum of values; then its maximum and its sum of shares. */
export function partWidth(shape: AttentionShape): number {
  return widthsOf(shape).head + 1;
}
