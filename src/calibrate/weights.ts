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
  /** A whole tensor, in memory of its own. */
  readonly read: (name: string) => Promise<Float32Array>;
  /** The same, where the model has one. */
  readonly readIf: (name: string) => Promise<Float32Array | undefined>;
}

/** The weights of a checkpoint that were bound to a graph. */
export function weightsOf(tensors: Tensors, engine: Engine): Weights {
  const read = async (name: string): Promise<Float32Array> => {
    const tensor = tensors.get(name);
    if (!tensor) throw new ToolkitError('INTERNAL', `${name} was not bound`);
    return await readFloats(tensor, engine);
  };
  return {
    has: (name) => tensors.has(name),
    read,
    readIf: async (name) => (tensors.has(name) ? await read(name) : undefined),
  };
}

async function readFloats(tensor: TensorRef, engine: Engine): Promise<Float32Array> {
  const { dtype, name, shape } = tensor;
  if (!isFloatDType(dtype)) throw new ToolkitError('INTERNAL', `${name} has no floats`);
  const out = floats(engine, sizeOf(shape));
  const width = storedBits[dtype] / 8;
  const step = chunkBytes / width;
  for (let at = 0; at < out.length; at += step) {
    const end = Math.min(at + step, out.length);
    const bytes = await tensor.read(at * width, end * width);
    decodeFloats(bytes, dtype, out.subarray(at, end));
  }
  return out;
}

/** So many zeros. */
export function floats(engine: Engine, length: number): Float32Array {
  return new Float32Array(engine.memory(4 * length));
}
