// Every activation a config may name: its ONNX form, its meaning in double precision, and WGSL.
//
// The nodes' constants take the type of the input, so that one form serves float32 and float16.

import { constant, float, string } from '../src/ir/attributes.ts';
import type { Builder, NodeOptions } from '../src/ir/builder.ts';
import { ToolkitError } from '../src/base/errors.ts';
import { activationsInWgsl } from './activations-wgsl.ts';
import { erf } from './erf.ts';

export interface ActivationOptions extends Pick<NodeOptions, 'as' | 'type'> {
  /**
   * How gelu is written: as ONNX's Gelu, or spelled out where Gelu cannot stand. ONNX defines Gelu
   * by a function that asks for its input's type, which in the body of a function is not known.
   */
  readonly gelu: 'node' | 'formula';
}

interface Formula {
  /** Records the nodes that apply it to `x` and returns the name of the result. */
  readonly nodes: (b: Builder, x: string, options: ActivationOptions) => string;
  readonly apply: (x: number) => number;
}

export interface Activation extends Formula {
  /** `fn activate(x: vec4<f32>) -> vec4<f32>`, and the functions that it calls. */
  readonly wgsl: string;
}

const geluTanh: Formula = {
  nodes: (b, x, { gelu, ...output }) =>
    gelu === 'node'
      ? b.op('Gelu', [x], { ...output, attributes: { approximate: string('tanh') } })
      : halfTimesOnePlus(b, x, b.op('Tanh', [cubic(b, x)]), output),
  apply: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

const gelu: Formula = {
  nodes: (b, x, options) =>
    options.gelu === 'node'
      ? b.op('Gelu', [x], options)
      : halfTimesOnePlus(b, x, b.op('Erf', [b.op('Div', [x, like(b, x, Math.SQRT2)])]), options),
  apply: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
};

const silu: Formula = {
  nodes: (b, x, options) => b.op('Mul', [x, b.op('Sigmoid', [x])], options),
  apply: (x) => x * sigmoid(x),
};

const table: Readonly<Record<string, Formula>> = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  // The same curve from other roundings: the factor has ten digits, x is taken out of the cubic.
  gelu_fast: {
    nodes: (b, x, options) => {
      const bracket = onePlus(b, x, b.op('Mul', [scaled(b, x, 0.044715), x]));
      const inner = b.op('Mul', [scaled(b, x, 0.7978845608), bracket]);
      return halfTimesOnePlus(b, x, b.op('Tanh', [inner]), options);
    },
    apply: (x) => 0.5 * x * (1 + Math.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x))),
  },
  gelu_10: {
    nodes: (b, x, options) =>
      clip(b, gelu.nodes(b, x, { gelu: options.gelu }), { from: -10, to: 10 }, options),
    apply: (x) => Math.min(Math.max(gelu.apply(x), -10), 10),
  },
  quick_gelu: {
    nodes: (b, x, options) => b.op('Mul', [x, b.op('Sigmoid', [scaled(b, x, 1.702)])], options),
    apply: (x) => x * sigmoid(1.702 * x),
  },
  relu: { nodes: (b, x, options) => b.op('Relu', [x], options), apply: (x) => Math.max(x, 0) },
  relu2: {
    nodes: (b, x, options) => {
      const positive = b.op('Relu', [x]);
      return b.op('Mul', [positive, positive], options);
    },
    apply: (x) => Math.max(x, 0) ** 2,
  },
  relu6: {
    nodes: (b, x, options) => clip(b, x, { from: 0, to: 6 }, options),
    apply: (x) => Math.min(Math.max(x, 0), 6),
  },
  leaky_relu: {
    nodes: (b, x, options) =>
      b.op('LeakyRelu', [x], { ...options, attributes: { alpha: float(0.01) } }),
    apply: (x) => (x < 0 ? 0.01 * x : x),
  },
  silu,
  swish: silu,
  mish: {
    nodes: (b, x, options) => b.op('Mul', [x, b.op('Tanh', [b.op('Softplus', [x])])], options),
    apply: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  },
  sigmoid: { nodes: (b, x, options) => b.op('Sigmoid', [x], options), apply: sigmoid },
  tanh: { nodes: (b, x, options) => b.op('Tanh', [x], options), apply: Math.tanh },
  elu: {
    nodes: (b, x, options) => b.op('Elu', [x], { ...options, attributes: { alpha: float(1) } }),
    apply: (x) => (x < 0 ? Math.expm1(x) : x),
  },
  // No node at all: the result is the input, whatever name was asked for.
  linear: { nodes: (_, x) => x, apply: (x) => x },
};

/** The activations by the names that configs use. */
export const activations: ReadonlyMap<string, Activation> = new Map(
  Object.entries(table).map(([name, formula]) => [
    name,
    { ...formula, wgsl: activationsInWgsl.get(name) ?? '' },
  ]),
);

/** The activation of a name that was checked when the config was read. */
export function activationOf(name: string): Activation {
  const found = activations.get(name);
  if (found) return found;
  throw new ToolkitError('GRAPH_INVALID', 'an activation must be one of the table', {
    where: { activation: name },
    fix: `the table has ${[...activations.keys()].join(', ')}`,
  });
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** A number in the type of `x`. */
function like(b: Builder, x: string, value: number): string {
  return b.op('CastLike', [b.constant(constant('float32', value)), x]);
}

function scaled(b: Builder, x: string, factor: number): string {
  return b.op('Mul', [x, like(b, x, factor)]);
}

function onePlus(b: Builder, x: string, value: string): string {
  return b.op('Add', [value, like(b, x, 1)]);
}

// Halved first: 2x may leave the range of half floats.
function halfTimesOnePlus(b: Builder, x: string, value: string, output: NodeOptions): string {
  return b.op('Mul', [scaled(b, x, 0.5), onePlus(b, x, value)], output);
}

// sqrt(2 / pi) (x + 0.044715 x³)
function cubic(b: Builder, x: string): string {
  const cube = b.op('Mul', [b.op('Mul', [x, x]), x]);
  const sum = b.op('Add', [x, b.op('Mul', [cube, like(b, x, 0.044715)])]);
  return b.op('Mul', [sum, like(b, x, Math.sqrt(2 / Math.PI))]);
}

function clip(
  b: Builder,
  x: string,
  { from, to }: { readonly from: number; readonly to: number },
  output: NodeOptions,
): string {
  return b.op('Clip', [x, like(b, x, from), like(b, x, to)], output);
}
