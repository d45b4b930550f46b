// Tensors in host memory ↔ values of a run.

import type { DType } from '../../base/dtypes.ts';
import { ToolkitError } from '../../base/errors.ts';
import { halfTable, toHalf } from '../../base/half.ts';
import type { Tensor } from '../../base/tensors.ts';
import type { Value } from './value.ts';

/** A value's numbers in the array of its dtype, rounded to it. */
const arrayOf: Readonly<Record<DType, ((data: Value['data']) => Tensor['data']) | undefined>> = {
  float32: (data) => Float32Array.from(data),
  float64: (data) => Float64Array.from(data),
  float16: (data) => Uint16Array.from(data, toHalf),
  bfloat16: undefined, // no model has it
  int64: (data) => BigInt64Array.from({ length: data.length }, (_, i) => BigInt(data[i] ?? 0)),
  int32: (data) => Int32Array.from(data),
  uint8: (data) => Uint8Array.from(data),
  bool: (data) => Uint8Array.from(data),
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
  for (const [i, value] of data.entries()) numbers[i] = table?.[Number(value)] ?? Number(value);
  return { dtype, shape, data: numbers };
}

function refuse(dtype: DType): never {
  throw new ToolkitError('RUNTIME_FAILED', `the reference runtime has no tensors of ${dtype}`);
}
