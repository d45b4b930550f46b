// Single calls of operators, drawn at random, and the rule they are held to: what the
// reference computes is what ONNX Runtime computes.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor, TensorType } from '../src/base/tensors.ts';
import type { Attributes, Model, Node } from '../src/ir/graph.ts';
import type { Kernels } from '../src/runtime/reference/kernel.ts';
import { tensorOf, valueOf } from '../src/runtime/reference/tensors.ts';
import { noise, realOf } from './agree.ts';
import { must } from './must.ts';
import { runModel } from './one-node.ts';

/** One call of an operator; null is an input left out. */
export interface Call {
  readonly inputs: readonly (Tensor | null)[];
  readonly attributes?: Attributes;
}

export type Shape = readonly number[];

export function int64(...entries: readonly number[]): Tensor {
  return shaped([entries.length], entries);
}

export function shaped(shape: Shape, entries: readonly number[]): Tensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(entries.map((entry) => BigInt(entry))) };
}

export function scalar(entry: number): Tensor {
  return shaped([], [entry]);
}

/** Integers from -4 to 4. */
export function integers(shape: Shape, seed: number): Tensor {
  return shaped(shape, entriesFor(shape, seed));
}

export function booleans(shape: Shape, seed: number): Tensor {
  const entries = entriesFor(shape, seed).map((entry) => Number(entry > 0));
  return { dtype: 'bool', shape, data: Uint8Array.from(entries) };
}

/** Codes of eight bits, or two of four in each. */
export function bytes(shape: Shape, seed: number): Tensor {
  const { data } = realOf(noise('float32', shape, seed, 128));
  return { dtype: 'uint8', shape, data: Uint8Array.from(data, (entry) => entry + 128) };
}

function entriesFor(shape: Shape, seed: number): readonly number[] {
  return Array.from(realOf(noise('float32', shape, seed, 4)).data, Math.round);
}

export const seeds: fc.Arbitrary<number> = fc.nat(10_000);
export const dims = (least: number, most: number, minimum = 1): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: minimum, max: 4 }), { minLength: least, maxLength: most });

export interface ShapeAndAxis {
  readonly shape: Shape;
  readonly axis: number;
  readonly seed: number;
}

/** A shape and an axis of it, from either end. */
export const withAxis: fc.Arbitrary<ShapeAndAxis> = dims(1, 4).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
    seed: seeds,
  }),
);

/** Decimals from -5 to 5. */
export function floats(shape: Shape, seed: number): Tensor {
  return noise('float32', shape, seed, 5);
}

/** A test for every operator, which must all have calls. */
export function testStandard(
  kernels: Kernels,
  calls: Readonly<Record<string, fc.Arbitrary<Call>>>,
  domain: Node['domain'] = '',
): void {
  test('every operator has calls here', () => {
    expect(Object.keys(calls).toSorted()).toEqual(Object.keys(kernels).toSorted());
  });
  test.each(Object.entries(calls))('%s is what ONNX Runtime computes', async (op, arbitrary) => {
    const agrees = fc.asyncProperty(arbitrary, (call) =>
      expectAgreement(kernels, { domain, op }, call),
    );
    await fc.assert(agrees, { numRuns: 40 });
  });
}

async function expectAgreement(
  kernels: Kernels,
  { domain, op }: Pick<Node, 'domain' | 'op'>,
  { inputs, attributes = {} }: Call,
): Promise<void> {
  const names = inputs.map((input, i) => (input ? `x${i}` : ''));
  const node: Node = { domain, op, inputs: names, outputs: ['y'], attributes };
  const values = inputs.map((input) => (input ? valueOf(input) : undefined));
  const [value] = kernels[op]?.compute(values, node) ?? [];
  const found = tensorOf(must(value, 'output'));

  const given = inputs.flatMap((input) => (input ? [input] : []));
  const [wanted] = await runModel(modelOf(node, given, found), given);
  expect({ dtype: found.dtype, shape: found.shape }).toEqual({
    dtype: wanted?.dtype,
    shape: wanted?.shape,
  });
  for (const [i, want] of (wanted?.data ?? []).entries()) {
    const difference = Math.abs(Number(found.data[i]) - Number(want));
    const bound = found.dtype === 'float32' ? 2e-5 * (1 + Math.abs(Number(want))) : 0;
    expect(difference, `element ${i} is ${found.data[i]}, not ${want}`).toBeLessThanOrEqual(bound);
  }
}

/**
 * A model of one node; sizes are left open, so that few sessions serve many calls, but for operators
 * of ONNX Runtime's own, which hold sizes to each other.
 */
function modelOf(node: Node, inputs: readonly Tensor[], output: Tensor): Model {
  const names = node.inputs.filter((name) => name !== '');
  const typeOf = node.domain === '' ? unsized : ({ dtype, shape }: Tensor) => ({ dtype, shape });
  return {
    irVersion: 10,
    opsets: { '': 21, ...(node.domain !== '' && { [node.domain]: 1 }) },
    producer: { name: 'test', version: '0' },
    graph: {
      name: node.op,
      inputs: inputs.map((input, i) => ({ name: names[i] ?? '', type: typeOf(input) })),
      outputs: [{ name: 'y', type: typeOf(output) }],
      initializers: [],
      nodes: [node],
      values: [],
    },
    functions: [],
    metadata: {},
  };
}

function unsized({ dtype, shape }: Tensor): TensorType {
  return { dtype, shape: shape.map(() => null) };
}
