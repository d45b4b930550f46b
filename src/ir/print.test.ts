import { expect, test } from 'vitest';
import { sampleAttributes, sampleModel } from '../../test/sample-model.ts';
import { branch, ref } from './attributes.ts';
import { printFunction, printModel } from './print.ts';

test('a model reads from top to bottom', () => {
  expect(printModel(sampleModel)).toMatchInlineSnapshot(`
    "model (IR 10; ai.onnx 21, ai.modernbert 1)
      tool: sample
      language: żółw

    graph sample {
      in   x: float32 batch×16
      init w: float32 16×32
      init gain: float32 32
      init starts: int64 1
      init ends: int64 1
      init axes: int64 1
      h = MatMul(x, w)  : float32 batch×32
      g = Mul(h, gain)  : float32 batch×32
      s = ai.modernbert.Half<factor=0.5>(g)  : float32 batch×32
      t = Slice(s, starts, ends, axes)  : float32 batch×32
      sum = ReduceSum<keepdims=0>(t, _)
      zero = Constant<value=float32 0>()
      positive = Greater(sum, zero)
      y = If(positive)  : float32 ?×32
        then_branch: {
          kept = Identity(t)
          return kept
        }
        else_branch: {
          turned = Neg(t)
          return turned
        }
      out  y: float32 ?×32
    }

    function ai.modernbert.Half<factor>(x) {
      factor = Constant<value_float=@factor>()
      y = Mul(x, factor)
      return y
    }"
  `);
});

test('attributes of every kind are written shortly', () => {
  const attributes = {
    ...sampleAttributes,
    of: ref('other', 'int'),
    many: { kind: 'ints', value: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    inner: branch({ name: 'then', nodes: [], outputs: ['x'] }),
  } as const;
  const node = {
    domain: 'com.example',
    op: 'Op',
    inputs: ['', 'x'],
    outputs: ['', 'y'],
    attributes,
  };
  const fn = {
    domain: 'ai.example',
    name: 'F',
    doc: '',
    inputs: ['x'],
    outputs: ['y'],
    attributes: [],
    nodes: [node],
    opsets: {},
  };
  expect(printFunction(fn)).toMatchInlineSnapshot(`
    "function ai.example.F(x) {
      _, y = com.example.Op<name="naïve 🐢", empty="", list=[-1, 0, 9007199254740992, -4611686018427388000], none=[], zero=0, least=-9223372036854776000, small=1.401298e-45, minus=0, grid=float16 [0.5, -2, 65504, 5.960464e-8], flags=bool [1, 0], nothing=int32 [], of=@other, many=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]>(_, x)
        inner: {
          return x
        }
      return y
    }"
  `);
});
