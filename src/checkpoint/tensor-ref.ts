import type { StoredDType } from '../base/dtypes.ts';
import type { ByteSource } from '../base/files.ts';
import type { TensorRef } from '../base/tensors.ts';
import { checkRange } from './range.ts';

/** Where a tensor lies in a file. */
export interface Placement {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
}

/** A tensor that is read from its place in a file. */
export function placedTensor(source: ByteSource, placement: Placement): TensorRef {
  const { name, dtype, shape, offset, size } = placement;
  return {
    name,
    dtype,
    shape,
    file: source.name,
    size,
    read: async (start, end, into) => {
      checkRange(start, end, size, name);
      return source.read(offset + start, offset + end, into);
    },
  };
}
