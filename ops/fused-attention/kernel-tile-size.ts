// How many queries and keys a workgroup holds at once, and the work that follows from it.
//
// A thread computes the scores of 4 queries with an eighth of the keys, so a workgroup has two
// threads a query. More keys a thread mean fewer reads of workgroup memory a product; more queries
// mean fewer reads of the cache. Sliding layers hold at most 32 queries: what a tile computes beyond
// its window grows with it.

import type { GpuLimits } from '../../src/wgsl.ts';
import { type AttentionShape, widthsOf } from './kernel-shape.ts';

export interface TileSize {
  readonly queries: number;
  readonly keys: number;
}

/** From the most wanted; the last fits the least device at headDim 128. */
const sizes: readonly TileSize[] = [
  { queries: 64, keys: 32 },
  { queries: 32, keys: 32 },
  { queries: 32, keys: 16 },
  { queries: 16, keys: 16 },
  { queries: 16, keys: 8 },
];

const leastSize: TileSize = { queries: 8, keys: 8 };

const mostSlidingQueries = 32;

/** The tile of a layer on a device. */
export function tileSize(shape: AttentionShape, limits: GpuLimits): TileSize {
  const most = shape.window < 0 ? Number.POSITIVE_INFINITY : mostSlidingQueries;
  const fits = (size: TileSize): boolean =>
    size.queries <= most &&
    threadsOf(size) <= limits.workgroupSize &&
    bytesOf(shape, size) <= limits.workgroupMemory;
  return sizes.find(fits) ?? leastSize;
}

/** Queries of a row that one workgroup takes. */
export function queriesPerTile(shape: AttentionShape, limits: GpuLimits): number {
  return tileSize(shape, limits).queries;
}

/** Pairs of a query and a key that `attendTiles` computes for a row, for each head. */
export function keysVisited(
  shape: AttentionShape,
  limits: GpuLimits,
  { count, past }: { readonly count: number; readonly past: number },
): number {
  const { queries, keys } = tileSize(shape, limits);
  let pairs = 0;
  for (let first = 0; first < count; first += queries) {
    const end = past + Math.min(first + queries, count);
    const low = shape.window < 0 ? 0 : Math.max(0, past + first + 1 - shape.window);
    pairs += queries * keys * Math.ceil((end - low) / keys);
  }
  return pairs;
}

export function threadsOf({ queries }: TileSize): number {
  return queries * 2;
}

/**
 * Vectors from one query or key in workgroup memory to the next: an odd number, so that threads that
 * read one vector of neighboring rows read different banks.
 */
export function pitchOf(shape: AttentionShape): number {
  return widthsOf(shape).head | 1;
}

/** Vectors from the shares of one key to those of the next, for the same reason. */
export function sharePitchOf({ queries }: TileSize): number {
  return queries / 4 + 1;
}

/** Workgroup memory: queries, keys or values, shares, and a vector a thread. */
function bytesOf(shape: AttentionShape, size: TileSize): number {
  const { queries, keys } = size;
  const vectors = (queries + keys) * pitchOf(shape) + keys * sharePitchOf(size) + threadsOf(size);
  return vectors * 16;
}
