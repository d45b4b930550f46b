// Values while a graph runs: a dtype as the graph says it, numbers in double precision. Floats are
// never rounded to their dtype; integers are exact up to 2^53, farther than any shape or id reaches.

import type { DType } from '../../base/dtypes.ts';
import { sizeOf } from '../../base/tensors.ts';
import { broadcast, ShapeError } from '../../ir/dims.ts';
import type { RealTensor } from '../../op.ts';

export interface Value extends RealTensor {
  readonly dtype: DType;
}

export type Numbers = RealTensor['data'];

export function at(data: Numbers, index: number): number {
  return data[index] ?? Number.NaN;
}

/** The entries of a tensor that holds a shape, axes or the like. */
export function entriesOf({ data }: Value): readonly number[] {
  return [...data];
}

/** How far apart neighbours of each axis lie in row-major order. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** Where the elements of a strided view lie, in row-major order of the view. */
export function offsets(
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Uint32Array {
  let found = Uint32Array.of(start);
  for (const [axis, size] of shape.entries()) {
    const stride = strides[axis] ?? 0;
    const finer = new Uint32Array(found.length * size);
    for (const [i, offset] of found.entries()) {
      for (let j = 0; j < size; j++) finer[i * size + j] = offset + j * stride;
    }
    found = finer;
  }
  return found;
}

/** The elements at these places. */
export function picked(data: Numbers, places: Uint32Array): Float64Array {
  const out = new Float64Array(places.length);
  for (let i = 0; i < out.length; i++) out[i] = at(data, places[i] ?? 0);
  return out;
}

/** The shape that all of these are broadcast to. */
export function commonShape(...values: readonly Value[]): readonly number[] {
  return values.reduce<readonly number[]>(
    (shape, value) => broadcast(shape, value.shape).map(Number),
    [],
  );
}

/** The elements of a value repeated to a shape that it is broadcast to. */
export function spread({ shape, data }: Value, to: readonly number[]): Numbers {
  if (data.length === sizeOf(to)) return data; // axes of one element change nothing
  const own = [...Array.from({ length: to.length - shape.length }, () => 1), ...shape];
  const strides = stridesOf(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
  return picked(data, offsets(to, strides));
}

/** That two values which meet in one operator are of one dtype. */
export function sameDType(a: Value, b: Value): DType {
  if (a.dtype !== b.dtype) throw new ShapeError(`dtypes must be equal, not ${a.dtype}, ${b.dtype}`);
  return a.dtype;
}
