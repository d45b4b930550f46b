// Tensors in host memory ↔ values of a run.

import type { DType } from '../../base/dtypes.ts';
import { ToolkitError } from '../../base/errors.ts';
import { halfTable, toHalf } from '../../base/half.ts';
import type { Tensor } from '../../base/tensors.ts';
import type { Value } from './value.ts';

/** A value's numbers in the array of its dtype, rounded to it. */
const arrayOf: Readonly<Record<DType, ((data: Value['data']) => Tensor['data']) | undefined>> = {
  float32: (data) => new Float32Array(data),
  float64: (data) => new Float64Array(data),
  float16: halves,
  bfloat16: undefined, // no model has it
  int64: (data) => BigInt64Array.from({ length: data.length }, (_, i) => BigInt(data[i] ?? 0)),
  int32: (data) => new Int32Array(data),
  uint8: (data) => new Uint8Array(data),
  uint4: undefined, // weights alone have it
  bool: (data) => new Uint8Array(data),
};

export function tensorOf({ dtype, shape, data }: Value): Tensor {
  const array = arrayOf[dtype] ?? refuse(dtype);
  return { dtype, shape, data: array(data) };
}

export function valueOf({ dtype, shape, data }: Tensor): Value {
  if (!arrayOf[dtype]) refuse(dtype);
  if (data instanceof Float32Array || data instanceof Float64Array) return { dtype, shape, data };
  const table = dtype === 'float16' ? halfTable() : undefined;
  const numbers = new Float64Array(data.length);
  for (let i = 0; i < numbers.length; i++) {
    const entry = Number(data[i]);
    numbers[i] = table?.[entry] ?? entry;
  }
  return { dtype, shape, data: numbers };
}

// A cache is converted at every step: `from` with a function takes many times as long.
function halves(data: Value['data']): Uint16Array {
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) bits[i] = toHalf(data[i] ?? 0);
  return bits;
}

function refuse(dtype: DType): never {
  throw new ToolkitError('RUNTIME_FAILED', `the reference runtime has no tensors of ${dtype}`);
}
