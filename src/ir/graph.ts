// The graph as plain data.
//
// A graph is a list of nodes in single-assignment form: each value has one producer and a unique
// name, and a node comes after the producers of its inputs. Weights are recipes: they name tensors
// of a checkpoint and say what to do with them, and nothing is read until files are written.
// Nothing here knows protobuf, WGSL or files.

import type { DType } from '../base/dtypes.ts';
import type { TensorType } from '../base/tensors.ts';

/** Domain of the fused operators. */
export const fusedDomain = 'ai.modernbert';

/** Domain of ONNX Runtime's contrib operators. */
export const contribDomain = 'com.microsoft';

/** A small tensor whose values stand in the graph. Floats are rounded to the dtype. */
export interface Constant {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number } // rounded to float32, as files keep it
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'tensor'; readonly value: Constant }
  | { readonly kind: 'graph'; readonly value: Subgraph }
  /** In a function's body: the caller's attribute of this name. */
  | { readonly kind: 'ref'; readonly of: string; readonly as: 'int' | 'float' | 'string' };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  /** '' is ONNX's own. */
  readonly domain: string;
  readonly op: string;
  /** '' is an input left out. */
  readonly inputs: readonly string[];
  /** '' is an output left out. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A branch of an If: it reads the values around it. */
export interface Subgraph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly outputs: readonly string[];
}

export interface Value {
  readonly name: string;
  readonly type: TensorType;
}

/** How the rows of a weight are cut into blocks, each with codes of few bits and a scale. */
export interface BlockScheme {
  readonly bits: 4 | 8;
  /** Codes with one scale: a power of two from 16 to 128. */
  readonly blockSize: number;
  /** Whether the middle code means 0 in every block; else each block has a zero point. */
  readonly symmetric: boolean;
}

/** How an initializer's bytes come about; the initializer's type says the dtype and final shape. */
export type Recipe =
  /** Values that stand in the graph. */
  | { readonly kind: 'values'; readonly values: readonly number[] }
  /** Tensors of the checkpoint, stacked on axis 0, then transposed where asked, then cast. */
  | { readonly kind: 'weight'; readonly tensors: readonly string[]; readonly transpose: boolean }
  /**
   * What is kept of tensors [rows, columns], stacked on axis 0 and quantized: codes, half scales
   * [rows, blocks], or zero points. Two codes of four bits share a byte, the first in its low half;
   * a row is filled up to whole blocks. Zero points of uint8 and four bits are packed row by row.
   */
  | {
      readonly kind: 'blocks';
      readonly part: 'codes' | 'scales' | 'zeros';
      readonly tensors: readonly string[];
      readonly scheme: BlockScheme;
      /** Which of the mixes of schemes that a method rounds one after the other, where it does. */
      readonly mix?: number;
    }
  /** A rotary table, [positions, headDim / 2]. */
  | { readonly kind: 'rotary'; readonly fn: 'cos' | 'sin'; readonly theta: number }
  /** Bytes of a file that was read back; `location` '' is the model file itself. */
  | {
      readonly kind: 'stored';
      readonly location: string;
      readonly offset: number;
      readonly length: number;
    };

export interface Initializer {
  readonly name: string;
  readonly type: { readonly dtype: DType; readonly shape: readonly number[] };
  readonly recipe: Recipe;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: readonly Initializer[];
  readonly nodes: readonly Node[];
  /** Types of the values between inputs and outputs, in the order of their producers. */
  readonly values: readonly Value[];
}

/** A model-local function: the meaning of a fused operator, which a runtime inlines. */
export interface FunctionDef {
  readonly domain: string;
  readonly name: string;
  readonly doc: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes without default, that every caller gives. */
  readonly attributes: readonly string[];
  readonly nodes: readonly Node[];
  /** Domain → version. */
  readonly opsets: Readonly<Record<string, number>>;
}

export interface Model {
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: { readonly name: string; readonly version: string };
  readonly graph: Graph;
  readonly functions: readonly FunctionDef[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A graph rewrite; returns the same object when it changed nothing. */
export type Pass = (graph: Graph) => Graph;
