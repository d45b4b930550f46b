// ONNX's numbers for element types (TensorProto.DataType), both ways.

import type { DType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';

/** TensorProto.DataType of each dtype. */
export const elementTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

const dtypes: ReadonlyMap<number, DType> = new Map(
  Object.entries(elementTypes).map(([dtype, code]) => [code, dtype as DType]),
);

/** The dtype of a TensorProto.DataType. */
export function dtypeOf(code: number, where: string): DType {
  const dtype = dtypes.get(code);
  if (dtype !== undefined) return dtype;
  throw new ToolkitError('ONNX_INVALID', 'an element type is one that this toolkit writes', {
    where: { at: where, type: code, known: Object.values(elementTypes) },
  });
}
