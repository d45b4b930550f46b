// Short ways to write attributes.

import { type DType, elementTypes } from '../base/dtypes.ts';
import { sizeOf } from '../base/tensors.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import type { Attribute, Constant, Subgraph } from './graph.ts';

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const float = (value: number): Attribute => ({ kind: 'float', value: Math.fround(value) });
export const string = (value: string): Attribute => ({ kind: 'string', value });
export const ints = (...value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const tensor = (value: Constant): Attribute => ({ kind: 'tensor', value });
export const branch = (value: Subgraph): Attribute => ({ kind: 'graph', value });
export const ref = (of: string, as: 'int' | 'float' | 'string'): Attribute => ({
  kind: 'ref',
  of,
  as,
});

/** A dtype as Cast's `to`. */
export const elementType = (value: DType): Attribute => int(elementTypes[value]);

/** A constant with its values rounded to the dtype; a scalar without a shape. */
export function constant(
  dtype: DType,
  values: readonly number[] | number,
  shape?: readonly number[],
): Constant {
  const list = typeof values === 'number' ? [values] : values;
  const dims = shape ?? (typeof values === 'number' ? [] : [list.length]);
  if (sizeOf(dims) !== list.length) throw new TypeError(`${list.length} values for shape ${dims}`);
  return { dtype, shape: dims, values: list.map((value) => roundTo(dtype, value)) };
}

/** The value of this dtype nearest to `value`. */
function roundTo(dtype: DType, value: number): number {
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float16') return fromHalf(toHalf(value));
  return value;
}
