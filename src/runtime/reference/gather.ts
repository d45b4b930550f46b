// Rows by their indices; an index below zero counts from the end.

import { sizeOf } from '../../base/tensors.ts';
import { axisOf, mergeDims, ShapeError } from '../../ir/dims.ts';
import { intOf, isInteger } from '../../ir/facts.ts';
import { kernel, type Kernels, need } from './kernel.ts';
import { at, stridesOf, type Value } from './value.ts';

const gather = kernel(['axis'], (inputs, node) => {
  const [x, indices] = [need(inputs, 0), integers(need(inputs, 1))];
  const axis = axisOf(intOf(node, 'axis', 0), x.shape.length);
  const count = x.shape[axis] ?? 0;
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const size = sizeOf(after);
  const shape = [...before, ...indices.shape, ...after];
  const data = new Float64Array(sizeOf(shape));
  let to = 0;
  for (let outer = 0; outer < sizeOf(before); outer++) {
    for (const index of indices.data) {
      const from = (outer * count + inside(index, count)) * size;
      data.set(x.data.subarray(from, from + size), to);
      to += size;
    }
  }
  return { dtype: x.dtype, shape, data };
});

/** The last axis of the indices addresses the axes after the shared ones. */
const gatherNd = kernel(['batch_dims'], (inputs, node) => {
  const [x, indices] = [need(inputs, 0), integers(need(inputs, 1))];
  const shared = intOf(node, 'batch_dims', 0);
  const depth = indices.shape.at(-1) ?? 0;
  if (shared + depth > x.shape.length) throw new ShapeError(`indices of ${depth} axes`);
  mergeDims(x.shape.slice(0, shared), indices.shape.slice(0, shared), 'shared axes');
  const strides = stridesOf(x.shape);
  const rest = x.shape.slice(shared + depth);
  const size = sizeOf(rest);
  const each = sizeOf(indices.shape.slice(shared, -1)); // addresses in one shared row
  const shape = [...indices.shape.slice(0, -1), ...rest];
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i * size < data.length; i++) {
    let from = Math.floor(i / each) * sizeOf(x.shape.slice(shared));
    for (let axis = 0; axis < depth; axis++) {
      const index = inside(at(indices.data, i * depth + axis), x.shape[shared + axis] ?? 0);
      from += index * (strides[shared + axis] ?? 0);
    }
    data.set(x.data.subarray(from, from + size), i * size);
  }
  return { dtype: x.dtype, shape, data };
});

export const gatherKernels: Kernels = { Gather: gather, GatherND: gatherNd };

/** Indices, whose dtype must be one of integers. */
function integers(indices: Value): Value {
  if (!isInteger(indices.dtype)) throw new ShapeError('indices must be integers');
  return indices;
}

/** An index counted from the front. */
function inside(index: number, count: number): number {
  if (index >= -count && index < count) return index < 0 ? index + count : index;
  throw new ShapeError(`index ${index} of ${count} elements`);
}
