// Operators on weights that are kept as codes of few bits. Accuracy levels are not looked at: they
// say how far a runtime may be from this.

import { weightRow } from '../../../ops/matmul-nbits/reference.ts';
import { formatShape, sizeOf } from '../../base/tensors.ts';
import { axisOf, mergeDims, ShapeError } from '../../ir/dims.ts';
import { intOf } from '../../ir/facts.ts';
import type { Node } from '../../ir/graph.ts';
import { kernel, type Kernels, need } from './kernel.ts';
import { product } from './product.ts';
import { at, sameDType, type Value } from './value.ts';

const matMulNBits = kernel(['K', 'N', 'bits', 'block_size', 'accuracy_level'], (inputs, node) => {
  const [x, codes, scales] = [need(inputs, 0), need(inputs, 1), need(inputs, 2)];
  const [, , , zeros, order, bias] = inputs;
  if (order) throw new ShapeError('blocks are in the order of their columns');
  const [inner, columns] = [intOf(node, 'K'), intOf(node, 'N')];
  const { bits, blockSize } = blocksIn(node);
  const blocks = Math.ceil(inner / blockSize);
  expectShape(codes, [columns, blocks, (blockSize * bits) / 8]);
  expectShape(scales, [columns, blocks]);
  if (zeros) expectShape(zeros, [columns, Math.ceil((blocks * bits) / 8)]);
  if (bias) expectShape(bias, [columns]);
  if (x.shape.at(-1) !== inner) throw new ShapeError(`${formatShape(x.shape)} times ${inner}`);
  const weight = { bits, blockSize, columns: inner, codes: codes.data, scales: scales.data };
  const rows = new Float64Array(columns * inner);
  for (let row = 0; row < columns; row++) {
    rows.set(weightRow({ ...weight, zeroPoints: zeros?.data }, row), row * inner);
  }
  const left = x.data instanceof Float64Array ? x.data : Float64Array.from(x.data);
  const sizes = { rows: sizeOf(x.shape.slice(0, -1)), inner, columns };
  const data = product(left, { data: rows, row: 1, column: inner }, sizes);
  if (bias)
    for (let i = 0; i < data.length; i++) data[i] = at(data, i) + at(bias.data, i % columns);
  return { dtype: sameDType(x, scales), shape: [...x.shape.slice(0, -1), columns], data };
});

/** Each block along an axis has a scale, and a zero point or none. */
const dequantizeLinear = kernel(['axis', 'block_size'], (inputs, node) => {
  const [codes, scales, zeros] = [need(inputs, 0), need(inputs, 1), inputs[2]];
  const axis = axisOf(intOf(node, 'axis', 1), codes.shape.length);
  const blockSize = intOf(node, 'block_size');
  const length = codes.shape[axis] ?? 0;
  const blocks = Math.ceil(length / blockSize);
  expectShape(scales, codes.shape.with(axis, blocks));
  if (zeros) expectShape(zeros, scales.shape);
  const after = sizeOf(codes.shape.slice(axis + 1));
  const data = new Float64Array(codes.data.length);
  for (let i = 0; i < data.length; i++) {
    const place = Math.floor(i / after);
    const block = Math.floor((place % length) / blockSize) + Math.floor(place / length) * blocks;
    const from = block * after + (i % after);
    data[i] = (at(codes.data, i) - (zeros ? at(zeros.data, from) : 0)) * at(scales.data, from);
  }
  return { dtype: scales.dtype, shape: codes.shape, data };
});

/** Operators of ONNX Runtime by name. */
export const blockKernels: Kernels = {
  MatMulNBits: matMulNBits,
};

export const dequantizeKernels: Kernels = { DequantizeLinear: dequantizeLinear };

function blocksIn(node: Node): { readonly bits: 4 | 8; readonly blockSize: number } {
  const bits = intOf(node, 'bits', 4);
  if (bits !== 4 && bits !== 8) throw new ShapeError(`codes of ${bits} bits`);
  return { bits, blockSize: intOf(node, 'block_size') };
}

function expectShape(value: Value, shape: readonly number[]): void {
  mergeDims(value.shape, shape, 'codes, scales and zero points');
}
