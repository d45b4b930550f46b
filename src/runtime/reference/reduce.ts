// Sums and maxima over axes.

import { sizeOf } from '../../base/tensors.ts';
import { axisOf, ShapeError } from '../../ir/dims.ts';
import { intOf } from '../../ir/facts.ts';
import { kernel, type Kernel, type Kernels, need } from './kernel.ts';
import { at, entriesOf, offsets, stridesOf } from './value.ts';

/** The axes are an input; without one all are reduced. */
const reduce = (start: number, fold: (a: number, b: number) => number): Kernel =>
  kernel(['keepdims'], (inputs, node) => {
    const { dtype, shape, data } = need(inputs, 0);
    const axes = inputs[1]
      ? entriesOf(inputs[1]).map((axis) => axisOf(axis, shape.length))
      : shape.map((_, axis) => axis);
    const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const out = new Float64Array(sizeOf(kept)).fill(start);
    for (const [i, to] of offsets(shape, strides).entries())
      out[to] = fold(at(out, to), at(data, i));
    const keep = intOf(node, 'keepdims', 1) === 1;
    return {
      dtype,
      shape: keep ? kept : kept.filter((_, axis) => !axes.includes(axis)),
      data: out,
    };
  });

/** Of equal elements the first. */
const argMax = kernel(['axis', 'keepdims'], (inputs, node) => {
  const { shape, data } = need(inputs, 0);
  const axis = axisOf(intOf(node, 'axis', 0), shape.length);
  const [length, inner] = [shape[axis] ?? 0, sizeOf(shape.slice(axis + 1))];
  if (length === 0) throw new ShapeError('no element is the largest of none');
  const out = new Float64Array(data.length / length);
  for (let i = 0; i < out.length; i++) {
    const from = Math.floor(i / inner) * length * inner + (i % inner);
    let best = 0;
    for (let j = 1; j < length; j++) {
      if (at(data, from + j * inner) > at(data, from + best * inner)) best = j;
    }
    out[i] = best;
  }
  const keep = intOf(node, 'keepdims', 1) === 1;
  return {
    dtype: 'int64',
    shape: keep ? shape.with(axis, 1) : shape.toSpliced(axis, 1),
    data: out,
  };
});

export const reduceKernels: Kernels = {
  ReduceSum: reduce(0, (a, b) => a + b),
  ReduceMax: reduce(Number.NEGATIVE_INFINITY, Math.max),
  ArgMax: argMax,
};
