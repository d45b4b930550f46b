// A model as the GPU runs it: a few steps in order over packed tokens. Nothing here depends on a
// device, nor on how many tokens there are.

import type { HostPart } from './host-part.ts';

/** Which rows a matrix has: all tokens of a run, or those whose outputs are asked for. */
export type RowSet = 'tokens' | 'kept';

/** A matrix that a step makes. */
export interface Rows {
  readonly width: number;
  readonly set: RowSet;
  readonly dtype: 'float32' | 'float16';
}

/** Names of initializers: the scale of a norm, and its bias where it has one. */
export interface NormWeights {
  readonly scale: string;
  readonly bias?: string;
  readonly epsilon: number;
}

export type WeightLayout =
  /** [inputs, outputs]: MatMul. */
  | { readonly kind: 'in-out' }
  /** [outputs, inputs]: Gemm with transB. */
  | { readonly kind: 'out-in' }
  /** MatMulNBits and GatherBlocks: blocks of a row of [outputs, inputs]. */
  | {
      readonly kind: 'blocks';
      readonly bits: 4 | 8;
      readonly blockSize: number;
      readonly scales: string;
      readonly zeroPoints?: string;
    };

/** output = table[ids] */
export interface Embed {
  readonly kind: 'embed';
  readonly table: string;
  readonly layout: WeightLayout;
  readonly output: string;
}

/** output = norm(x) */
export interface Norm {
  readonly kind: 'norm';
  readonly x: string;
  readonly by: NormWeights;
  readonly output: string;
}

/** output = residual + activate(x · weight + bias), or activate(left) · right of it when gated */
export interface Product {
  readonly kind: 'product';
  readonly x: string;
  readonly weight: string;
  readonly layout: WeightLayout;
  readonly inputs: number;
  /** After gating: half the weight's columns. */
  readonly outputs: number;
  readonly bias?: string;
  readonly activation?: string;
  readonly gated: boolean;
  readonly residual?: string;
  readonly output: string;
}

/** One FusedAttention. */
export interface Attention {
  readonly kind: 'attention';
  /** Which cache is its own, counted from 0. */
  readonly layer: number;
  readonly qkv: string;
  readonly heads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly window: number;
  readonly cos: string;
  readonly sin: string;
  readonly output: string;
}

/** output = the kept rows of x */
export interface Select {
  readonly kind: 'select';
  readonly x: string;
  readonly output: string;
}

/** Steps that our own graphs never need, for others of the same operators. */
export type Unfused =
  | {
      readonly kind: 'gate';
      readonly x: string;
      readonly activation: string;
      readonly output: string;
    }
  | {
      readonly kind: 'skip-norm';
      readonly x: string;
      readonly skip: string;
      readonly by: NormWeights;
      readonly output: string;
      readonly sum: string;
    };

export type Step = Embed | Norm | Product | Attention | Select | Unfused;

/** What a model takes of its cache. */
export interface CacheLayer {
  readonly width: number;
  readonly window: number;
  readonly heads: number;
  readonly headDim: number;
  /** Graph inputs and outputs that carry it; none where the task keeps no cache. */
  readonly names?: {
    readonly past: readonly [string, string];
    readonly present: readonly [string, string];
  };
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly rows: ReadonlyMap<string, Rows>;
  readonly layers: readonly CacheLayer[];
  /** Positions that the rotary tables have. */
  readonly positions: number;
  readonly vocabulary: number;
  /** The result: the graph's output and the matrix that holds it. */
  readonly output: { readonly name: string; readonly value: string };
  readonly host: HostPart;
}
