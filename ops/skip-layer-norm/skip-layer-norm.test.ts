import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dim, TensorType } from '../../src/base/tensors.ts';
import { float } from '../../src/ir/attributes.ts';
import { expectAgreement, noise } from '../../test/agree.ts';
import { skipLayerNorm } from './op.ts';

const cases = (dtype: 'float32' | 'float16') =>
  fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      rows: fc.integer({ min: 1, max: 5 }),
      width: fc.constantFrom(1, 8, 33, 64),
      beta: fc.boolean(),
      epsilon: fc.constantFrom(1e-5, 1e-3),
      seed: fc.nat(),
    })
    .map(({ batch, rows, width, beta, epsilon, seed }) => {
      const shapes = [[batch, rows, width], [batch, rows, width], [width], [width]];
      return {
        inputs: shapes.slice(0, beta ? 4 : 3).map((shape, i) => noise(dtype, shape, seed + i, 3)),
        attributes: { epsilon: float(epsilon) },
        symbols: [
          ['batch', 'rows', null],
          ['batch', 'rows', null],
        ],
      };
    });

test('reference and both bodies agree, with and without beta', async () => {
  await expectAgreement(skipLayerNorm, cases('float32'), { tolerance: 2e-5, runs: 60 });
});

test('the same bodies serve half floats', async () => {
  await expectAgreement(skipLayerNorm, cases('float16'), { tolerance: 1e-2, runs: 30 });
});

test('the reference normalizes the sum and yields it', () => {
  const row = (...data: number[]) => ({ shape: [data.length], data: Float64Array.from(data) });
  const inputs = [row(1, 1, 2, 2), row(0, 0, 3, 3), row(2, 2, 2, 3), row(0, 0, 0, 7)];
  const [y, sum] = skipLayerNorm.reference(inputs, { epsilon: float(0) });
  expect(sum).toEqual(row(1, 1, 5, 5)); // mean 3, variance 4
  expect(y).toEqual(row(-2, -2, 2, 10));
});

test('errors name the operator, the input and the rule', () => {
  const type = (...shape: Dim[]): TensorType => ({ dtype: 'float32', shape });
  const infer = (...inputs: TensorType[]) =>
    skipLayerNorm.infer({ inputs, attributes: { epsilon: float(1e-5) } });
  expect(infer(type('n', null), type(3, 8), type(8))).toEqual([type(3, 8), type(3, 8)]);
  expect(() => infer(type(2, 8), type(2, 8))).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: inputs must be x, skip, gamma, beta (got=2)]`,
  );
  expect(() => infer(type(2, 8), type(3, 8), type(8))).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: skip must have the shape of x (skip=float32 3×8, x=float32 2×8)]`,
  );
  expect(() => infer(type(2, 8), type(8), type(8))).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: skip must have the shape of x (skip=float32 8, x=float32 2×8)]`,
  );
  expect(() => infer(type(2, 8), type(2, 8), type(4))).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: gamma must be as long as the last axis of x (gamma=float32 4, x=float32 2×8)]`,
  );
  expect(() =>
    infer(type(2, 8), type(2, 8), type(8), type(1, 8)),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: beta must be as long as the last axis of x (beta=float32 1×8, x=float32 2×8)]`,
  );
  expect(() =>
    infer(type(2, 8), { dtype: 'float16', shape: [2, 8] }, type(8)),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: skip must have the dtype of x (skip=float16 2×8, x=float32 2×8)]`,
  );
  expect(() =>
    skipLayerNorm.infer({
      inputs: [type(2, 8), type(2, 8), type(8)],
      attributes: { epsilon: { kind: 'int', value: 0 } },
    }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: SkipLayerNorm: attribute epsilon must be one float (got=int)]`,
  );
});
