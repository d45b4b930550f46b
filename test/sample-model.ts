// A small model with one of everything that files hold: a function with a reference to its
// caller's attribute, a weight that is large enough for a data file, an If, large integers, every
// kind of attribute and dimension.

import { sizeOf } from '../src/base/tensors.ts';
import { constant, branch, float, int, ints, ref, string, tensor } from '../src/ir/attributes.ts';
import type { Attributes, Initializer, Model, Node } from '../src/ir/graph.ts';
import type { WeightSource } from '../src/ir/weights.ts';

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = '',
): Node {
  return { domain, op, inputs, outputs, attributes };
}

const values = (name: string, dtype: 'int64' | 'float32', ...list: readonly number[]) =>
  ({
    name,
    type: { dtype, shape: [list.length] },
    recipe: { kind: 'values', values: list },
  }) as const;

/** y = ±(0.5 · x · w), whichever sign makes its sum positive. */
export const sampleModel: Model = {
  irVersion: 10,
  opsets: { '': 21, 'ai.modernbert': 1 },
  producer: { name: 'sample', version: '1.0' },
  metadata: { tool: 'sample', language: 'żółw' },
  graph: {
    name: 'sample',
    inputs: [{ name: 'x', type: { dtype: 'float32', shape: ['batch', 16] } }],
    outputs: [{ name: 'y', type: { dtype: 'float32', shape: [null, 32] } }],
    initializers: [
      {
        name: 'w',
        type: { dtype: 'float32', shape: [16, 32] },
        recipe: { kind: 'weight', tensors: ['model.w'], transpose: false },
      },
      {
        name: 'gain',
        type: { dtype: 'float32', shape: [32] },
        recipe: { kind: 'weight', tensors: ['model.gain'], transpose: false },
      },
      values('starts', 'int64', 0),
      values('ends', 'int64', 2 ** 62),
      values('axes', 'int64', -1),
    ],
    nodes: [
      node('MatMul', ['x', 'w'], ['h']),
      node('Mul', ['h', 'gain'], ['g']),
      node('Half', ['g'], ['s'], { factor: float(0.5) }, 'ai.modernbert'),
      node('Slice', ['s', 'starts', 'ends', 'axes'], ['t']),
      node('ReduceSum', ['t', ''], ['sum'], { keepdims: int(0) }),
      node('Constant', [], ['zero'], { value: tensor(constant('float32', 0)) }),
      node('Greater', ['sum', 'zero'], ['positive']),
      node('If', ['positive'], ['y'], {
        then_branch: branch({
          name: 'keep',
          nodes: [node('Identity', ['t'], ['kept'])],
          outputs: ['kept'],
        }),
        else_branch: branch({
          name: 'turn',
          nodes: [node('Neg', ['t'], ['turned'])],
          outputs: ['turned'],
        }),
      }),
    ],
    values: ['h', 'g', 's', 't'].map((name) => ({
      name,
      type: { dtype: 'float32', shape: ['batch', 32] },
    })),
  },
  functions: [
    {
      domain: 'ai.modernbert',
      name: 'Half',
      doc: 'y = x * factor',
      inputs: ['x'],
      outputs: ['y'],
      attributes: ['factor'],
      nodes: [
        node('Constant', [], ['factor'], { value_float: ref('factor', 'float') }),
        node('Mul', ['x', 'factor'], ['y']),
      ],
      opsets: { '': 21 },
    },
  ],
};

/** Attributes that the sample does not use, on a node that no runtime knows. */
export const sampleAttributes: Attributes = {
  name: string('naïve \u{1f422}'),
  empty: string(''),
  list: ints(-1, 0, 2 ** 53, -(2 ** 62)),
  none: ints(),
  zero: int(0),
  least: int(-(2 ** 63)),
  small: float(1e-45),
  minus: float(-0),
  grid: tensor(constant('float16', [0.5, -2, 65_504, 2 ** -24], [2, 2])),
  flags: tensor(constant('bool', [1, 0], [2])),
  nothing: tensor(constant('int32', [], [0, 3])),
};

/** The value of the sample's weights at an index. */
export function sampleValue({ name }: Initializer, index: number): number {
  return Math.fround(Math.sin(index + name.length) * 0.1);
}

/** The sample's weights, in chunks of `length` values that share their memory. */
export function sampleWeights(length: number): WeightSource {
  return {
    async read(forms, take) {
      for (const [form, initializer] of forms.entries()) {
        const size = sizeOf(initializer.type.shape);
        const memory = new Float32Array(length);
        for (let start = 0; start < size; start += length) {
          const chunk = memory.subarray(0, Math.min(length, size - start));
          for (let i = 0; i < chunk.length; i++) chunk[i] = sampleValue(initializer, start + i);
          await take(form, chunk);
          memory.fill(Number.NaN);
        }
      }
    },
  };
}
