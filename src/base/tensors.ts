// Shapes and tensors, in the graph, in host memory and in a checkpoint.

import type { DType, StoredDType } from './dtypes.ts';

/** A dimension is a size, the name of a size known at run time, or null where nothing is known. */
export type Dim = number | string | null;

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A tensor in host memory, row-major. Half floats are their bits; bool is 0 or 1. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data:
    | Float32Array
    | Float64Array
    | Uint16Array
    | BigInt64Array
    | Int32Array
    | Uint8Array;
}

/** A tensor of a checkpoint that is read when somebody asks, and only as far as they ask. */
export interface TensorRef {
  /** The name after trainers' prefixes are taken off. */
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** The file that holds it, for messages. */
  readonly file: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Bytes `start` to `end` of the tensor's data, little-endian. With `into` (at least as long) the
   * bytes are put there and no memory is allocated.
   */
  read(start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** `2×seq×8`, for messages. */
export function formatShape(shape: readonly Dim[]): string {
  return shape.length === 0 ? 'scalar' : shape.map((dim) => dim ?? '?').join('×');
}
