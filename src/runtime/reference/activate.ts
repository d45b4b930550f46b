// Activations, one number at a time.

import { erf } from '../../../ops/erf.ts';
import { ShapeError } from '../../ir/dims.ts';
import type { Node } from '../../ir/graph.ts';
import { floatOf, kernel, type Kernel, type Kernels, need } from './kernel.ts';
import { at, type Value } from './value.ts';

type Curve = (x: number) => number;

const plain = (curve: Curve): Kernel => kernel([], (inputs) => mapped(need(inputs, 0), curve));

/** A curve with one parameter. */
const shaped = (name: string, otherwise: number, curve: (by: number) => Curve): Kernel =>
  kernel([name], (inputs, node) => mapped(need(inputs, 0), curve(floatOf(node, name, otherwise))));

const gelu = kernel(['approximate'], (inputs, node) =>
  mapped(need(inputs, 0), isApproximate(node) ? geluTanh : geluErf),
);

/** The bounds are scalars and may be left out. */
const clip = kernel([], (inputs) => {
  const low = boundOf(inputs[1], Number.NEGATIVE_INFINITY);
  const high = boundOf(inputs[2], Number.POSITIVE_INFINITY);
  return mapped(need(inputs, 0), (x) => Math.min(Math.max(x, low), high));
});

export const activationKernels: Kernels = {
  Clip: clip,
  Elu: shaped('alpha', 1, (alpha) => (x) => (x < 0 ? alpha * Math.expm1(x) : x)),
  Gelu: gelu,
  LeakyRelu: shaped('alpha', 0.01, (alpha) => (x) => (x < 0 ? alpha * x : x)),
  Relu: plain((x) => Math.max(x, 0)),
  Sigmoid: plain((x) => 1 / (1 + Math.exp(-x))),
  Softplus: plain((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Tanh: plain(Math.tanh),
};

function geluErf(x: number): number {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));
}

function isApproximate({ attributes: { approximate } }: Node): boolean {
  if (approximate === undefined) return false;
  const way = approximate.kind === 'string' ? approximate.value : undefined;
  if (way === 'tanh' || way === 'none') return way === 'tanh';
  throw new ShapeError('approximate must be none or tanh');
}

function boundOf(bound: Value | undefined, otherwise: number): number {
  return bound ? at(bound.data, 0) : otherwise;
}

function mapped({ dtype, shape, data }: Value, curve: Curve): Value {
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = curve(at(data, i));
  return { dtype, shape, data: out };
}
