// Element types of files that were read: a number that stands for none of ours is an error.

import { type DType, dtypeOfElement, elementTypes } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';

/** The dtype of a TensorProto.DataType. */
export function dtypeOf(code: number, where: string): DType {
  const dtype = dtypeOfElement(code);
  if (dtype !== undefined) return dtype;
  throw new ToolkitError('ONNX_INVALID', 'an element type is none that this toolkit writes', {
    where: { at: where, type: code, known: Object.values(elementTypes) },
  });
}
