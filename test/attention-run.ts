// Rows of a batch for the attention kernels: what each must give by the reference, and the buffers
// that a run finds. Caches hold NaN wherever no kernel may look.

import { expect } from 'vitest';
import { fusedAttention } from '../ops/fused-attention/op.ts';
import type { AttentionShape } from '../ops/fused-attention/kernel-shape.ts';
import { float, int } from '../src/ir/attributes.ts';
import type { RealTensor } from '../src/op.ts';
import type { Element } from '../src/wgsl.ts';
import { noise, realOf } from './agree.ts';
import type { Matrix } from './gpu.ts';

/** A row's tokens of this run, after those that its cache holds. */
export interface Span {
  readonly past: number;
  readonly count: number;
}

export interface Sequence {
  /** [tokens, 3 · heads · headDim], before rotation. */
  readonly qkv: RealTensor;
  /** [tokens, heads · headDim] */
  readonly context: RealTensor;
  /** [heads, tokens, headDim] */
  readonly keys: RealTensor;
  readonly values: RealTensor;
}

interface Tables {
  readonly cos: Matrix;
  readonly sin: Matrix;
}

const positions = 300;

function dtypeOf(element: Element): 'float32' | 'float16' {
  return element === 'f32' ? 'float32' : 'float16';
}

/**
 * A shape for each size of heads in steps of `step`, the other properties dealt out in turn: few
 * enough that compiling them does not take a test's time.
 */
export function variedShapes(
  elements: readonly Element[],
  windows: readonly number[],
  step: number,
): readonly AttentionShape[] {
  return Array.from({ length: 128 / step }, (_, i) => ({
    heads: 1 + (i % 2),
    headDim: step * (i + 1),
    scale: dealt([0.2, 0.02, 0.5], i),
    window: dealt(windows, i),
    element: dealt(elements, i + Math.floor(i / windows.length)),
    table: dealt(elements, i + 2 * Math.floor(i / windows.length)),
    cached: i % 5 !== 3,
  }));
}

function dealt<T>(of: readonly T[], i: number): T {
  return of[i % of.length] ?? expect.fail('nothing to deal');
}

/** Milliseconds for a file's shaders to compile on the slowest of software GPUs, where none is cached. */
export const compileTimeout = 300_000;

/** How near a shape's kernels must come, in parts of 1 + |value|. */
export function nearness({ element, table }: AttentionShape): number {
  return element === 'f32' && table === 'f32' ? 2e-5 : 5e-3;
}

/** Rotary tables of any numbers: the operator does not ask that they be angles. */
export function tablesOf({ table, headDim }: AttentionShape): Tables {
  const [cos, sin] = [11, 12].map((seed) => ({
    rows: positions,
    columns: headDim / 2,
    data: realOf(noise(dtypeOf(table), [positions, headDim / 2], seed)).data,
  }));
  if (!cos || !sin) return expect.fail('two tables');
  return { cos, sin };
}

/** A sequence of some tokens and all that attention makes of it. */
export function sequenceOf(shape: AttentionShape, tokens: number, seed: number): Sequence {
  const { heads, headDim, scale, window, element } = shape;
  const qkv = realOf(noise(dtypeOf(element), [tokens, 3 * heads * headDim], seed, 2));
  const { cos, sin } = tablesOf(shape);
  const none = { shape: [1, heads, 0, headDim], data: new Float64Array() };
  const [context, keys, values] = fusedAttention.reference(
    [
      { shape: [1, tokens, 3 * heads * headDim], data: qkv.data },
      none,
      none,
      { shape: [1], data: Float64Array.of(tokens - 1) },
      { shape: [], data: Float64Array.of(tokens) },
      realMatrix(cos),
      realMatrix(sin),
    ],
    { num_heads: int(heads), scale: float(scale), window: int(window) },
  );
  if (!context || !keys || !values) return expect.fail('three outputs');
  return { qkv, context, keys, values };
}

function realMatrix({ rows, columns, data }: Matrix): RealTensor {
  return { shape: [rows, columns], data: Float64Array.from(data) };
}

/** Rows of the cache; one more than there are sequences, in reverse order. */
function cacheRowOf(sequences: readonly unknown[], row: number): number {
  return sequences.length - row;
}

/** The words that say which tokens are packed. */
export function packing(
  sequences: readonly unknown[],
  spans: readonly Span[],
  queriesPerTile: number,
): {
  readonly rows: Uint32Array;
  readonly tokens: Uint32Array;
  readonly tiles: Uint32Array;
  readonly lengths: { readonly tokens: number; readonly rows: number; readonly tiles: number };
} {
  const rows: number[] = [];
  const tokens: number[] = [];
  const tiles: number[] = [];
  for (const [row, { past, count }] of spans.entries()) {
    rows.push(tokens.length / 2, count, past, cacheRowOf(sequences, row));
    for (let i = 0; i < count; i++) tokens.push(row, past + i);
    for (let i = 0; i < count; i += queriesPerTile) tiles.push(row, i);
  }
  return {
    rows: Uint32Array.from(rows),
    tokens: Uint32Array.from(tokens),
    tiles: Uint32Array.from(tiles),
    lengths: { tokens: tokens.length / 2, rows: spans.length, tiles: tiles.length / 2 },
  };
}

/** The packed rows of some spans' tokens. */
export function packed(
  sequences: readonly Sequence[],
  spans: readonly Span[],
  which: 'qkv' | 'context',
): Matrix {
  const columns = sequences[0]?.[which].shape.at(-1) ?? 0;
  const data = spans.flatMap(({ past, count }, row) => {
    const all = sequences[row]?.[which].data ?? expect.fail(`no sequence ${row}`);
    return [...all.subarray(past * columns, (past + count) * columns)];
  });
  return { rows: data.length / columns, columns, data };
}

/** The cache after some tokens of each row, NaN where it holds nothing that can be seen. */
function cacheOf(
  shape: AttentionShape,
  sequences: readonly Sequence[],
  held: readonly number[],
  which: 'keys' | 'values',
): Matrix {
  const { heads, headDim, window } = shape;
  const longest = Math.max(...sequences.map(({ qkv }) => qkv.shape[0] ?? 0));
  const slots = window < 0 ? longest : window;
  const cacheRows = sequences.length + 1;
  const columns = heads * headDim;
  const data = new Float64Array(slots * cacheRows * columns).fill(Number.NaN);
  for (const [row, { qkv, [which]: source }] of sequences.entries()) {
    const tokens = qkv.shape[0] ?? 0;
    const end = held[row] ?? 0;
    for (let slot = Math.max(0, end - slots); slot < end; slot++) {
      const place = (slot % slots) * cacheRows + cacheRowOf(sequences, row);
      for (let head = 0; head < heads; head++) {
        const from = (head * tokens + slot) * headDim;
        data.set(source.data.subarray(from, from + headDim), place * columns + head * headDim);
      }
    }
  }
  return { rows: slots * cacheRows, columns, data };
}

/** Keys and values of `cacheOf`. */
export function cachesOf(
  shape: AttentionShape,
  sequences: readonly Sequence[],
  held: readonly number[],
): { readonly keys: Matrix; readonly values: Matrix } {
  return {
    keys: cacheOf(shape, sequences, held, 'keys'),
    values: cacheOf(shape, sequences, held, 'values'),
  };
}

/** Largest distance of a cache from what it must hold; NaN must have stayed. */
export function worstInCache(got: ArrayLike<number>, { data }: Matrix): number {
  expect(got.length).toBe(data.length);
  let worst = 0;
  for (let i = 0; i < data.length; i++) {
    const [found, want] = [got[i] ?? 0, data[i] ?? 0];
    if (Number.isNaN(want) && Number.isNaN(found)) continue;
    const distance = Math.abs(found - want) / (1 + Math.abs(want));
    worst = Math.max(worst, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return worst;
}
