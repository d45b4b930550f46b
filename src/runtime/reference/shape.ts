// Operators that make, read or rearrange shapes.

import { sizeOf } from '../../base/tensors.ts';
import { axisOf, mergeDims, ShapeError } from '../../ir/dims.ts';
import { intOf, intsOf } from '../../ir/facts.ts';
import { kernel, type Kernels, need } from './kernel.ts';
import { at, entriesOf, offsets, picked, sameDType, stridesOf, type Value } from './value.ts';

const constant = kernel(['value'], (_, { attributes: { value } }) => {
  if (value?.kind !== 'tensor') throw new ShapeError('a Constant without a value');
  const { dtype, shape, values } = value.value;
  return { dtype, shape, data: Float64Array.from(values) };
});

const constantOfShape = kernel(['value'], (inputs, { attributes: { value } }) => {
  const shape = entriesOf(need(inputs, 0));
  const fill = value?.kind === 'tensor' ? value.value : undefined;
  const data = new Float64Array(sizeOf(shape)).fill(fill?.values[0] ?? 0);
  return { dtype: fill?.dtype ?? 'float32', shape, data };
});

const shapeKernel = kernel(['start', 'end'], (inputs, node) => {
  const { shape } = need(inputs, 0);
  return int64(shape.slice(intOf(node, 'start', 0), intOf(node, 'end', shape.length)));
});

const reshape = kernel([], (inputs) => {
  const x = need(inputs, 0);
  const asked = entriesOf(need(inputs, 1)).map((dim, axis) =>
    dim === 0 ? (x.shape[axis] ?? 0) : dim,
  );
  const known = sizeOf(asked.filter((dim) => dim !== -1));
  const shape = asked.map((dim) => (dim === -1 ? x.data.length / Math.max(known, 1) : dim));
  if (sizeOf(shape) !== x.data.length || !shape.every(Number.isInteger)) {
    throw new ShapeError(`${x.data.length} elements do not fill ${asked.join('×')}`);
  }
  return { ...x, shape };
});

/** Axes of one element are taken out: those named, or all. */
const squeeze = kernel([], (inputs) => {
  const x = need(inputs, 0);
  const named = inputs[1] && entriesOf(inputs[1]).map((axis) => axisOf(axis, x.shape.length));
  const gone = named ?? x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const wrong = gone.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) throw new ShapeError(`axis ${wrong} has ${x.shape[wrong]} elements`);
  return { ...x, shape: x.shape.filter((_, axis) => !gone.includes(axis)) };
});

const unsqueeze = kernel([], (inputs) => {
  const x = need(inputs, 0);
  const axes = entriesOf(need(inputs, 1));
  const rank = x.shape.length + axes.length;
  const added = axes.map((axis) => axisOf(axis, rank)).toSorted((a, b) => a - b);
  const shape = added.reduce<readonly number[]>(
    (dims, axis) => dims.toSpliced(axis, 0, 1),
    x.shape,
  );
  return { ...x, shape };
});

const transpose = kernel(['perm'], (inputs, node) => {
  const { dtype, shape, data } = need(inputs, 0);
  const perm = intsOf(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  const strides = stridesOf(shape);
  const turned = perm.map((axis) => shape[axis] ?? 0);
  const places = offsets(
    turned,
    perm.map((axis) => strides[axis] ?? 0),
  );
  return { dtype, shape: turned, data: picked(data, places) };
});

const concat = kernel(['axis'], (inputs, node) => {
  const parts = inputs.map((_, index) => need(inputs, index));
  const first = need(parts, 0);
  const axis = axisOf(intOf(node, 'axis'), first.shape.length);
  for (const part of parts) {
    sameDType(first, part);
    mergeDims(part.shape.with(axis, 0), first.shape.with(axis, 0), 'parts');
  }
  const length = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, length);
  const data = new Float64Array(sizeOf(shape));
  let to = 0;
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
    for (const part of parts) {
      const size = sizeOf(part.shape.slice(axis));
      data.set(part.data.subarray(outer * size, (outer + 1) * size), to);
      to += size;
    }
  }
  return { dtype: first.dtype, shape, data };
});

const slice = kernel([], (inputs) => {
  const x = need(inputs, 0);
  const [starts, ends] = [entriesOf(need(inputs, 1)), entriesOf(need(inputs, 2))];
  const axes = inputs[3] ? entriesOf(inputs[3]) : starts.map((_, axis) => axis);
  const steps = inputs[4] ? entriesOf(inputs[4]) : starts.map(() => 1);
  const shape = [...x.shape];
  const strides = [...stridesOf(x.shape)];
  let start = 0;
  for (const [i, named] of axes.entries()) {
    const axis = axisOf(named, x.shape.length);
    const cut = cutOf(x.shape[axis] ?? 0, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 1);
    start += cut.first * (strides[axis] ?? 0);
    shape[axis] = cut.length;
    strides[axis] = (strides[axis] ?? 0) * (steps[i] ?? 1);
  }
  return { dtype: x.dtype, shape, data: picked(x.data, offsets(shape, strides, start)) };
});

const range = kernel([], (inputs) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => at(need(inputs, index).data, 0));
  const [from, to, by] = [start ?? 0, limit ?? 0, delta ?? 1];
  const length = Math.max(Math.ceil((to - from) / by), 0);
  const data = Float64Array.from({ length }, (_, i) => from + i * by);
  return { dtype: sameDType(need(inputs, 0), need(inputs, 1)), shape: [length], data };
});

export const shapeKernels: Kernels = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shapeKernel,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Range: range,
};

function int64(entries: readonly number[]): Value {
  return { dtype: 'int64', shape: [entries.length], data: Float64Array.from(entries) };
}

/** The first index of a slice of one axis, and how many there are. */
function cutOf(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly length: number } {
  if (step === 0) throw new ShapeError('a step of 0');
  // A step back starts at an element, and may end before the first.
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (index: number, least: number): number =>
    Math.min(Math.max(index < 0 ? index + size : index, least), high);
  const first = clamp(start, 0);
  const length = Math.max(Math.ceil((clamp(end, low) - first) / step), 0);
  return { first: length === 0 ? 0 : first, length };
}
