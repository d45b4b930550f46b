// Rules of operators that contract, reduce, gather and normalize.

import { axisOf, broadcast, type Dims, mergeDim, mergeDims, ShapeError } from './dims.ts';
import {
  entriesOf,
  type Fact,
  fact,
  intOf,
  isInteger,
  need,
  type Rule,
  sameDType,
  shapeOf,
} from './facts.ts';
import type { Dim } from '../base/tensors.ts';

const matMul: Rule = (_, facts) => {
  const [a, b] = [need(facts, 0), need(facts, 1)];
  const dtype = sameDType([a, b]);
  const [left, right] = [shapeOf(a), shapeOf(b)];
  if (left.length < 2 || right.length < 2) throw new ShapeError('both sides need two axes');
  mergeDim(left.at(-1) ?? null, right.at(-2) ?? null, 'inner dimensions');
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  return [fact(dtype, [...batch, left.at(-2) ?? null, right.at(-1) ?? null])];
};

const gemm: Rule = (node, facts) => {
  const [a, b, c] = [need(facts, 0), need(facts, 1), facts[2]];
  const dtype = sameDType(facts);
  const left = intOf(node, 'transA', 0) === 1 ? shapeOf(a).toReversed() : shapeOf(a);
  const right = intOf(node, 'transB', 0) === 1 ? shapeOf(b).toReversed() : shapeOf(b);
  if (left.length !== 2 || right.length !== 2) throw new ShapeError('both sides need two axes');
  mergeDim(left[1] ?? null, right[0] ?? null, 'inner dimensions');
  const dims: Dims = [left[0] ?? null, right[1] ?? null];
  if (c) mergeDims(broadcast(dims, shapeOf(c)), dims, 'bias');
  return [fact(dtype, dims)];
};

/** Floats of codes, each block along an axis with a scale and a zero point of its own. */
const dequantizeLinear: Rule = (node, facts) => {
  const [codes, scales, zeros] = [need(facts, 0), need(facts, 1), facts[2]];
  const dims = shapeOf(codes);
  const axis = axisOf(intOf(node, 'axis', 1), dims.length);
  const [length, size] = [dims[axis], intOf(node, 'block_size')];
  const blocks = typeof length === 'number' ? Math.ceil(length / size) : null;
  for (const part of zeros ? [scales, zeros] : [scales]) {
    mergeDims(shapeOf(part), dims.with(axis, blocks), 'scales, zero points and codes');
  }
  if (zeros) sameDType([codes, zeros]);
  return [fact(scales.type.dtype, dims)];
};

const softmax: Rule = (_, facts) => [fact(need(facts, 0).type.dtype, shapeOf(need(facts, 0)))];

const layerNormalization: Rule = (node, facts) => {
  const [x, ...affine] = facts;
  const dtype = sameDType(facts);
  const dims = shapeOf(need([x], 0));
  const axis = axisOf(intOf(node, 'axis', -1), dims.length);
  for (const part of affine) {
    if (part) mergeDims(shapeOf(part), dims.slice(axis), 'scale and bias');
  }
  return [fact(dtype, dims)];
};

/** Axes come as an input; keepdims is an attribute. */
const reduce =
  (fold?: (a: number, b: number) => number): Rule =>
  (node, facts) => {
    const x = need(facts, 0);
    const dims = shapeOf(x);
    const axes = (facts[1] ? entriesOf(facts[1]) : dims.map((_, axis) => axis)).map((axis) =>
      axisOf(Number(axis), dims.length),
    );
    const keep = intOf(node, 'keepdims', 1) === 1;
    const entries = fold && x.entries ? foldAll(x.entries, fold) : undefined;
    return [fact(x.type.dtype, reducedDims(dims, axes, keep), entries)];
  };

function foldAll(entries: readonly Dim[], fold: (a: number, b: number) => number): readonly Dim[] {
  const numbers = entries.filter((entry) => typeof entry === 'number');
  const known = numbers.length === entries.length && numbers.length > 0;
  return [known ? numbers.reduce((a, b) => fold(a, b)) : null];
}

const argMax: Rule = (node, facts) => {
  const dims = shapeOf(need(facts, 0));
  const axis = axisOf(intOf(node, 'axis', 0), dims.length);
  return [fact('int64', reducedDims(dims, [axis], intOf(node, 'keepdims', 1) === 1))];
};

function reducedDims(dims: Dims, axes: readonly number[], keep: boolean): Dims {
  return keep
    ? dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : dims.filter((_, axis) => !axes.includes(axis));
}

const gather: Rule = (node, facts) => {
  const [data, indices] = [need(facts, 0), need(facts, 1)];
  needIndices(indices);
  const dims = shapeOf(data);
  const axis = axisOf(intOf(node, 'axis', 0), dims.length);
  const out = [...dims.slice(0, axis), ...shapeOf(indices), ...dims.slice(axis + 1)];
  const picked = indices.entries?.map((at) =>
    typeof at === 'number' ? (data.entries?.at(at) ?? null) : null,
  );
  return [fact(data.type.dtype, out, dims.length === 1 && data.entries ? picked : undefined)];
};

const gatherNd: Rule = (node, facts) => {
  const [data, indices] = [need(facts, 0), need(facts, 1)];
  needIndices(indices);
  const [dims, at] = [shapeOf(data), shapeOf(indices)];
  const batch = intOf(node, 'batch_dims', 0);
  const depth = at.at(-1);
  if (typeof depth !== 'number' || depth + batch > dims.length) {
    throw new ShapeError('the last axis of the indices must be a known depth within the data');
  }
  const shared = mergeDims(dims.slice(0, batch), at.slice(0, batch), 'batch dimensions');
  return [fact(data.type.dtype, [...shared, ...at.slice(batch, -1), ...dims.slice(batch + depth)])];
};

const scatterNd: Rule = (_, facts) => {
  const [data, indices, updates] = [need(facts, 0), need(facts, 1), need(facts, 2)];
  needIndices(indices);
  sameDType([data, updates]);
  return [fact(data.type.dtype, shapeOf(data))];
};

function needIndices(value: Fact): void {
  if (!isInteger(value.type.dtype)) throw new ShapeError('indices must be integers');
}

export const tensorRules: Readonly<Record<string, Rule>> = {
  MatMul: matMul,
  Gemm: gemm,
  DequantizeLinear: dequantizeLinear,
  Softmax: softmax,
  LayerNormalization: layerNormalization,
  ReduceSum: reduce((a, b) => a + b),
  ReduceMax: reduce(Math.max),
  ReduceProd: reduce((a, b) => a * b),
  ArgMax: argMax,
  Gather: gather,
  GatherND: gatherNd,
  ScatterND: scatterNd,
};
