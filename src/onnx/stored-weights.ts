// The weights of a model that was read back, as numbers: for the runtime that computes in plain
// loops.

import type { DType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import { halfTable } from '../base/half.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer } from '../ir/graph.ts';
import type { RealTensor } from '../op.ts';
import { openFiles } from './open-files.ts';
import { decodeValues } from './tensor-bytes.ts';

export interface StoredWeights {
  /** An initializer's values: float64 for float64 and wide integers, float32 for the others. */
  read(initializer: Initializer): Promise<RealTensor>;
  close(): Promise<void>;
}

/** The weights of the model file `modelName` of a folder; files are opened when they are needed. */
export function storedWeights(folder: SourceFolder, modelName: string): StoredWeights {
  const files = openFiles(folder);
  return {
    async read({ name, type: { dtype, shape }, recipe }) {
      if (recipe.kind === 'values') return { shape, data: collect(dtype, recipe.values) };
      if (recipe.kind !== 'stored') {
        throw new ToolkitError('INTERNAL', 'a weight is read that was not written to a file', {
          where: { tensor: name, recipe: recipe.kind },
        });
      }
      const file = await files.open(recipe.location === '' ? modelName : recipe.location);
      const bytes = await file.read(recipe.offset, recipe.offset + recipe.length);
      return { shape, data: toNumbers(dtype, bytes, sizeOf(shape)) };
    },
    close: () => files.close(),
  };
}

function toNumbers(dtype: DType, bytes: Uint8Array, count: number): Float32Array | Float64Array {
  if (dtype === 'uint8') return new Float32Array(bytes);
  if (dtype !== 'float32' && dtype !== 'float16') {
    return collect(dtype, decodeValues(dtype, bytes, count));
  }
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, length / 4);
  const halves = new Uint16Array(buffer, byteOffset, length / 2);
  const table = halfTable();
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i] ?? 0] ?? 0;
  return values;
}

function collect(dtype: DType, values: readonly number[]): Float32Array | Float64Array {
  const wide = dtype === 'float64' || dtype === 'int64' || dtype === 'int32';
  return wide ? Float64Array.from(values) : Float32Array.from(values);
}
