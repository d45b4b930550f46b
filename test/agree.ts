// The rule that every operator is held to: its meanings agree. The reference in plain loops, both
// bodies as ONNX Runtime runs them, and the inferred types.

import fc from 'fast-check';
import { expect } from 'vitest';
import { fromHalf, toHalf } from '../src/base/half.ts';
import { formatShape, sizeOf, type Tensor } from '../src/base/tensors.ts';
import { compatible } from '../src/ir/dims.ts';
import type { Attributes, FunctionDef } from '../src/ir/graph.ts';
import type { OpDef, Port, RealTensor } from '../src/op.ts';
import { type Meaning, oneNodeModel, runModel, typesOf } from './one-node.ts';

/** One call of an operator. */
export interface Case {
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  /** Names of axes whose size the model does not know, by input. */
  readonly symbols?: readonly (readonly (string | null)[])[];
  /** Whether the operator says what this element is; otherwise it must be finite. */
  readonly specified?: (meaning: Meaning, output: number, index: number) => boolean;
  /** The bodies that take this call; both when left out. */
  readonly meanings?: readonly Meaning[];
}

export interface Bounds {
  /** How far a value v may stray, in parts of 1 + |v|. */
  readonly tolerance: number;
  readonly runs: number;
}

/** Draws calls and holds the operator's meanings to its reference. */
export async function expectAgreement(
  op: OpDef,
  cases: fc.Arbitrary<Case>,
  { tolerance, runs }: Bounds,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(cases, (one) => expectOneAgreement(op, one, tolerance)),
    { numRuns: runs },
  );
}

async function expectOneAgreement(op: OpDef, one: Case, tolerance: number): Promise<void> {
  const { inputs, attributes, symbols, meanings = ['body', 'contrib'] } = one;
  const expected = op.reference(inputs.map(realOf), attributes);
  const exact = op.infer({ inputs: typesOf(inputs), attributes });
  for (const [i, want] of expected.entries()) {
    const inferred = exact[i]?.shape ?? [];
    if (!compatible(inferred, want.shape)) {
      expect.fail(`output ${i} is ${formatShape(want.shape)}, inferred ${formatShape(inferred)}`);
    }
  }

  const call = { inputs: typesOf(inputs, symbols), attributes };
  for (const meaning of meanings) {
    const model = oneNodeModel(op, call, meaning);
    expectSignature(op, model.functions[0], inputs.length);
    const found = await runModel(model, inputs);
    for (const [i, want] of expected.entries()) {
      const what = `${meaning}: output ${i}`;
      const got = found[i] ?? expect.fail(`${what} is missing`);
      expect({ what, dtype: got.dtype, shape: got.shape }).toEqual({
        what,
        dtype: exact[i]?.dtype,
        shape: want.shape,
      });
      const specified = (index: number): boolean => one.specified?.(meaning, i, index) ?? true;
      expectClose(realOf(got), want, { tolerance, what, specified });
    }
  }
}

/** A body has the operator's names, and no input that a call leaves out. */
function expectSignature(op: OpDef, body: FunctionDef | undefined, inputs: number): void {
  expect(body?.inputs).toEqual(namesOf(op.inputs).slice(0, inputs));
  expect(body?.outputs).toEqual(namesOf(op.outputs));
  expect(body?.attributes).toEqual(namesOf(op.attributes));
}

function namesOf(ports: readonly Port[]): readonly string[] {
  return ports.map(({ name }) => name);
}

function expectClose(
  got: RealTensor,
  want: RealTensor,
  {
    tolerance,
    what,
    specified,
  }: {
    readonly tolerance: number;
    readonly what: string;
    readonly specified: (index: number) => boolean;
  },
): void {
  let worst = { error: 0, index: -1 };
  for (const [index, value] of want.data.entries()) {
    const found = got.data[index] ?? Number.NaN;
    if (!specified(index)) {
      if (Number.isFinite(found)) continue;
      expect.fail(`${what}: unspecified element ${index} is ${found}`);
    }
    const distance = Math.abs(found - value) / (1 + Math.abs(value));
    const error = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (error > worst.error) worst = { error, index };
  }
  if (worst.error <= tolerance) return;
  const { index } = worst;
  expect.fail(`${what}: element ${index} is ${got.data[index]}, not ${want.data[index]}`);
}

/** A tensor's values as numbers. */
export function realOf({ dtype, shape, data }: Tensor): RealTensor {
  const number = dtype === 'float16' ? fromHalf : (value: number): number => value;
  const numbers = Float64Array.from({ length: data.length }, (_, i) => number(Number(data[i])));
  return { shape, data: numbers };
}

/** Uniform noise in [-reach, reach), the same for the same seed. */
export function noise(
  dtype: 'float32' | 'float16',
  shape: readonly number[],
  seed: number,
  reach = 1,
): Tensor {
  let state = seed >>> 0;
  const values = Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * reach;
  });
  return { dtype, shape, data: dtype === 'float32' ? values : Uint16Array.from(values, toHalf) };
}
