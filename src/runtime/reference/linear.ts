// Products with a weight, and the norm between them.

import { formatShape, sizeOf } from '../../base/tensors.ts';
import { axisOf, mergeDims, ShapeError } from '../../ir/dims.ts';
import { intOf } from '../../ir/facts.ts';
import { floatOf, kernel, type Kernels, need } from './kernel.ts';
import { product, type Right } from './product.ts';
import { at, sameDType, spread, type Value } from './value.ts';

/** A stack of rows times one matrix, [..., inner] · [inner, columns]. */
const matMul = kernel([], (inputs) => multiplied(need(inputs, 0), need(inputs, 1), false));

const gemm = kernel(['transB'], (inputs, node) => {
  const a = need(inputs, 0);
  if (a.shape.length !== 2) throw new ShapeError(`the left side is ${formatShape(a.shape)}`);
  const out = multiplied(a, need(inputs, 1), intOf(node, 'transB', 0) === 1);
  const bias = inputs[2];
  if (!bias) return out;
  sameDType(a, bias);
  const added = spread(bias, out.shape);
  return { ...out, data: out.data.map((value, i) => value + at(added, i)) };
});

/** Mean and variance of the axes from `axis` on. */
const layerNormalization = kernel(['axis', 'epsilon'], (inputs, node) => {
  const [x, scale, bias] = [need(inputs, 0), need(inputs, 1), inputs[2]];
  const axis = axisOf(intOf(node, 'axis', -1), x.shape.length);
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const shape = x.shape.slice(axis);
  for (const part of bias ? [scale, bias] : [scale]) {
    sameDType(x, part);
    mergeDims(part.shape, shape, 'scale and bias');
  }
  const width = sizeOf(shape);
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < data.length; row += width) {
    const { mean, variance } = momentsOf(x, row, width);
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < width; i++) {
      const centered = (at(x.data, row + i) - mean) * inverse * at(scale.data, i);
      data[row + i] = centered + (bias ? at(bias.data, i) : 0);
    }
  }
  return { dtype: x.dtype, shape: x.shape, data };
});

export const linearKernels: Kernels = {
  MatMul: matMul,
  Gemm: gemm,
  LayerNormalization: layerNormalization,
};

function multiplied(left: Value, right: Value, transposed: boolean): Value {
  const dtype = sameDType(left, right);
  const [inner = 0, columns = 0] = transposed ? right.shape.toReversed() : right.shape;
  if (right.shape.length !== 2 || left.shape.at(-1) !== inner) {
    throw new ShapeError(`${formatShape(left.shape)} times ${formatShape(right.shape)}`);
  }
  const x = left.data instanceof Float64Array ? left.data : Float64Array.from(left.data);
  const matrix: Right = {
    data: right.data,
    row: transposed ? 1 : columns,
    column: transposed ? inner : 1,
  };
  const shape = [...left.shape.slice(0, -1), columns];
  const rows = sizeOf(left.shape.slice(0, -1));
  return { dtype, shape, data: product(x, matrix, { rows, inner, columns }) };
}

function momentsOf(
  { data }: Value,
  from: number,
  width: number,
): { readonly mean: number; readonly variance: number } {
  let mean = 0;
  for (let i = 0; i < width; i++) mean += at(data, from + i) / width;
  let variance = 0;
  for (let i = 0; i < width; i++) variance += (at(data, from + i) - mean) ** 2 / width;
  return { mean, variance };
}
