// What the attention kernels share: the shape that stands in their text, where a head's vectors lie,
// and the rotation of a pair of vectors.
//
// Heads are read as vectors of four; headDim is a multiple of eight, so that a rotated pair
// (x[i], x[i + d/2]) are the same lanes of two vectors.

import { type Binding, type Element, literal, load } from '../../src/wgsl.ts';

/** What an attention layer is, whatever the lengths of its sequences. */
export interface AttentionShape {
  readonly heads: number;
  /** A multiple of eight, at most 128. */
  readonly headDim: number;
  readonly scale: number;
  /** Keys that a query sees, itself included; -1: all. */
  readonly window: number;
  /** Of qkv, the cache and the context. */
  readonly element: Element;
  /** Of cos and sin. */
  readonly table: Element;
  /** False where no cache is kept: every sequence begins at its first token. */
  readonly cached: boolean;
}

/** Vectors of four elements. */
export interface Widths {
  readonly head: number;
  /** Half a head: a row of cos and of sin. */
  readonly half: number;
  /** All heads: a row of the context, and of one row in one slot of the cache. */
  readonly row: number;
  /** q, k and v of a token. */
  readonly qkv: number;
}

export function widthsOf({ heads, headDim }: AttentionShape): Widths {
  const row = (heads * headDim) / 4;
  return { head: headDim / 4, half: headDim / 8, row, qkv: 3 * row };
}

/** Scores are taken to the base 2: the factor that queries are multiplied by. */
export function queryFactor({ scale }: AttentionShape): string {
  return literal(scale * Math.LOG2E);
}

/** Lower than any score; a running maximum starts here and stays finite. */
export const lowest = '-1.0e30';

/** A masked score: its share is 0 even beside a running maximum that is still `lowest`. */
export const masked = '-3.0e38';

/** WGSL: the first slot that a query in slot `slot` sees. */
export function firstVisible({ window }: AttentionShape, slot: string): string {
  return window < 0 ? '0u' : `select(0u, ${slot} - ${window - 1}u, ${slot} > ${window - 1}u)`;
}

/** WGSL: the vector where a slot of a cache row begins; a sliding layer keeps a ring of slots. */
export function slotStart(shape: AttentionShape, slot: string, cacheRow: string): string {
  const place = shape.window < 0 ? slot : `(${slot}) % ${shape.window}u`;
  return `((${place}) * lengths.cacheRows + ${cacheRow}) * ${widthsOf(shape).row}u`;
}

/**
 * WGSL: reads the pair number `pair` of the head that begins at vector `start` of qkv, and declares
 * `${name}_low` and `${name}_high`, turned by `turn_cos` and `turn_sin`.
 */
export function rotatedPair(
  shape: AttentionShape,
  { name, start, pair }: { readonly name: string; readonly start: string; readonly pair: string },
): string {
  const { half } = widthsOf(shape);
  return `let ${name}_x = ${load(shape.element, 'qkv', `${start} + ${pair}`)};
    let ${name}_y = ${load(shape.element, 'qkv', `${start} + ${half}u + ${pair}`)};
    let ${name}_low = ${name}_x * turn_cos - ${name}_y * turn_sin;
    let ${name}_high = ${name}_y * turn_cos + ${name}_x * turn_sin;`;
}

/** WGSL: declares `turn_cos` and `turn_sin` of pair `pair` in slot `slot`. */
export function turn(shape: AttentionShape, slot: string, pair: string): string {
  const at = `${slot} * ${widthsOf(shape).half}u + ${pair}`;
  return `let turn_cos = ${load(shape.table, 'cos', at)};
    let turn_sin = ${load(shape.table, 'sin', at)};`;
}

export function rotaryBindings({ table }: AttentionShape): readonly Binding[] {
  return [
    { name: 'cos', access: 'read', element: table },
    { name: 'sin', access: 'read', element: table },
  ];
}

export function cacheBindings(
  { element }: AttentionShape,
  access: Binding['access'],
): readonly Binding[] {
  return [
    { name: 'keys', access, element },
    { name: 'values', access, element },
  ];
}

/** (first packed token, tokens, slot of the first, row of the cache) of each row. */
export const rowsBinding: Binding = { name: 'rows', access: 'read', element: 'vec4<u32>' };

/** (row, slot) of each packed token. */
export const tokensBinding: Binding = { name: 'tokens', access: 'read', element: 'vec2<u32>' };

/** 0 … count - 1, for text that is written out once for each. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}
