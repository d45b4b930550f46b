// Tensors in memory, as those of a checkpoint.

import { isFloatDType, storedBits, type StoredDType } from '../src/base/dtypes.ts';
import { toHalf } from '../src/base/half.ts';
import { sizeOf, type TensorRef } from '../src/base/tensors.ts';

/** A tensor with these values; what is no float holds zeros. */
export function tensorRef(
  name: string,
  dtype: StoredDType,
  shape: readonly number[],
  valueOf: (index: number) => number = () => 0,
): TensorRef {
  const bytes = new Uint8Array((sizeOf(shape) * storedBits[dtype]) / 8);
  if (isFloatDType(dtype)) fill(new DataView(bytes.buffer), dtype, sizeOf(shape), valueOf);
  return {
    name,
    dtype,
    shape,
    file: 'model.safetensors',
    size: bytes.length,
    async read(start, end, into = new Uint8Array(end - start)) {
      into.set(bytes.subarray(start, end));
      return into.subarray(0, end - start);
    },
  };
}

function fill(
  view: DataView,
  dtype: 'F64' | 'F32' | 'F16' | 'BF16',
  length: number,
  valueOf: (index: number) => number,
): void {
  for (let i = 0; i < length; i++) {
    const value = valueOf(i);
    if (dtype === 'F64') view.setFloat64(8 * i, value, true);
    else if (dtype === 'F32') view.setFloat32(4 * i, value, true);
    else if (dtype === 'F16') view.setUint16(2 * i, toHalf(value), true);
    else view.setUint16(2 * i, upperHalf(value), true);
  }
}

const float = new DataView(new ArrayBuffer(4));

/** The bits of a bfloat16 whose value is exact. */
function upperHalf(value: number): number {
  float.setFloat32(0, value);
  return float.getUint16(0);
}

/** Tensors by their names. */
export function tensorMap(...tensors: readonly TensorRef[]): ReadonlyMap<string, TensorRef> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}
