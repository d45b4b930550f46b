// A checkpoint's weights as float32 in memory that the engine sees.

import { isFloatDType, storedBits } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { chunkBytes } from '../base/limits.ts';
import { sizeOf, type TensorRef } from '../base/tensors.ts';
import { decodeFloats } from '../checkpoint/floats.ts';
import type { Engine } from './engine.ts';

export type Tensors = ReadonlyMap<string, TensorRef>;

export interface Weights {
  readonly has: (name: string) => boolean;
  /** A whole tensor. */
  readonly read: (name: string) => Promise<Float32Array>;
  /** The same, where the model has one. */
  readonly readIf: (name: string) => Promise<Float32Array | undefined>;
  /** Rows of a matrix from one to before another. */
  readonly readRows: (name: string, from: number, to: number) => Promise<Float32Array>;
  /** How many a matrix has. */
  readonly rows: (name: string) => number;
  /** Elements of a row. */
  readonly columns: (name: string) => number;
}

/** The weights of a checkpoint that were bound to a graph; `memory` gives what they are read into. */
export function weightsOf(
  tensors: Tensors,
  engine: Engine,
  memory: (length: number) => Float32Array = (length) => floats(engine, length),
): Weights {
  const bound = (name: string): TensorRef => {
    const tensor = tensors.get(name);
    if (!tensor) throw new ToolkitError('INTERNAL', `${name} was not bound`);
    return tensor;
  };
  const read = async (name: string): Promise<Float32Array> => {
    const tensor = bound(name);
    return await readFloats(tensor, { from: 0, to: sizeOf(tensor.shape) }, memory);
  };
  return {
    has: (name) => tensors.has(name),
    read,
    readIf: async (name) => (tensors.has(name) ? await read(name) : undefined),
    readRows: async (name, from, to) => {
      const tensor = bound(name);
      const width = sizeOf(tensor.shape.slice(1));
      return await readFloats(tensor, { from: from * width, to: to * width }, memory);
    },
    rows: (name) => bound(name).shape[0] ?? 0,
    columns: (name) => sizeOf(bound(name).shape.slice(1)),
  };
}

async function readFloats(
  tensor: TensorRef,
  { from, to }: { readonly from: number; readonly to: number },
  memory: (length: number) => Float32Array,
): Promise<Float32Array> {
  const { dtype, name } = tensor;
  if (!isFloatDType(dtype)) throw new ToolkitError('INTERNAL', `${name} has no floats`);
  const out = memory(to - from);
  const width = storedBits[dtype] / 8;
  const step = chunkBytes / width;
  for (let at = 0; at < out.length; at += step) {
    const end = Math.min(at + step, out.length);
    const bytes = await tensor.read((from + at) * width, (from + end) * width);
    decodeFloats(bytes, dtype, out.subarray(at, end));
  }
  return out;
}

/** So many zeros. */
export function floats(engine: Engine, length: number): Float32Array {
  return new Float32Array(engine.memory(4 * length));
}
