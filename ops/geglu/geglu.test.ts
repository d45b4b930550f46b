import fc from 'fast-check';
import { expect, test } from 'vitest';
import { string } from '../../src/ir/attributes.ts';
import { expectAgreement, noise } from '../../test/agree.ts';
import { activations } from '../activations.ts';
import { geglu } from './op.ts';

const cases = (dtype: 'float32' | 'float16') =>
  fc
    .record({
      activation: fc.constantFrom(...activations.keys()),
      outer: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      width: fc.constantFrom(1, 3, 8, 33),
      seed: fc.nat(),
    })
    .map(({ activation, outer, width, seed }) => ({
      inputs: [noise(dtype, [...outer, 2 * width], seed, 6)],
      attributes: { activation: string(activation) },
      symbols: [outer.map((_, axis) => `axis_${axis}`)],
    }));

test('reference and both bodies agree for every activation', async () => {
  await expectAgreement(geglu, cases('float32'), { tolerance: 1e-5, runs: 120 });
});

test('the same bodies serve half floats', async () => {
  await expectAgreement(geglu, cases('float16'), { tolerance: 1e-2, runs: 60 });
});

test('the first half is the gate', () => {
  const x = { shape: [2, 4], data: Float64Array.of(-1, 2, 3, 4, 5, -6, 7, 8) };
  const [y] = geglu.reference([x], { activation: string('relu') });
  expect(y).toEqual({ shape: [2, 2], data: Float64Array.of(0, 8, 35, 0) });
});

test('errors name the operator, the input and the rule', () => {
  const infer = (shape: readonly (number | string)[], activation = 'gelu') =>
    geglu.infer({
      inputs: [{ dtype: 'float32', shape }],
      attributes: { activation: string(activation) },
    });
  expect(infer(['batch', 8])).toEqual([{ dtype: 'float32', shape: ['batch', 4] }]);
  expect(() => infer([2, 7])).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: GeGLU: the last axis of x must be even (x=float32 2×7)]`,
  );
  expect(() => infer([])).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: GeGLU: x must have an axis to halve (x=float32 scalar)]`,
  );
  expect(() => infer([2, 8], 'gleu')).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: an activation must be one of the table (activation=gleu): the table has gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, gelu_10, quick_gelu, relu, relu2, relu6, leaky_relu, silu, swish, mish, sigmoid, tanh, elu, linear]`,
  );
  expect(() =>
    geglu.infer({
      inputs: [{ dtype: 'int64', shape: [8] }],
      attributes: { activation: string('gelu') },
    }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: GeGLU: x must be float32 or float16 (x=int64 8)]`,
  );
  expect(() =>
    geglu.infer({ inputs: [{ dtype: 'float32', shape: [8] }], attributes: {} }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: GeGLU: attribute activation must be one string (got=none)]`,
  );
});
