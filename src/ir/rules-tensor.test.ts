import { expect, test } from 'vitest';
import { inferText, type InputText } from '../../test/infer-node.ts';
import { int } from './attributes.ts';
import type { Attributes } from './graph.ts';

const blocks = { axis: int(1), block_size: int(32) };

test.each<
  readonly [op: string, inputs: readonly InputText[], attributes: Attributes, type: string]
>([
  ['MatMul', ['float32 b×s×4', 'float32 4×6'], {}, 'float32 b×s×6'],
  ['MatMul', ['float16 b×h×s×4', 'float16 b×h×4×t'], {}, 'float16 b×h×s×t'],
  ['MatMul', ['float32 1×2×4', 'float32 5×4×6'], {}, 'float32 5×2×6'],
  ['MatMul', ['float32 s×k', 'float32 ?×6'], {}, 'float32 s×6'],

  ['Gemm', ['float32 n×4', 'float32 4×6'], {}, 'float32 n×6'],
  ['Gemm', ['float32 n×4', 'float32 6×4', 'float32 6'], { transB: int(1) }, 'float32 n×6'],
  ['Gemm', ['float32 4×n', 'float32 4×6', 'float32 1×6'], { transA: int(1) }, 'float32 n×6'],

  ['DequantizeLinear', ['uint4 9×70', 'float16 9×3', 'uint4 9×3'], blocks, 'float16 9×70'],
  ['DequantizeLinear', ['uint8 9×64', 'float32 9×2'], blocks, 'float32 9×64'],
  ['Softmax', ['float16 b×s'], { axis: int(-1) }, 'float16 b×s'],
  ['LayerNormalization', ['float32 b×s×4', 'float32 4'], { axis: int(-1) }, 'float32 b×s×4'],
  ['LayerNormalization', ['float32 b×4', 'float32 4', 'float32 4'], {}, 'float32 b×4'],

  ['ReduceSum', ['int64 b×s', [1]], { keepdims: int(0) }, 'int64 b'],
  ['ReduceSum', ['int64 b×s', [-1]], {}, 'int64 b×1'],
  ['ReduceMax', ['float32 b×s'], { keepdims: int(0) }, 'float32 scalar'],
  ['ReduceSum', [[2, 3]], { keepdims: int(0) }, 'int64 scalar = [5]'],
  ['ReduceProd', [[2, 3]], { keepdims: int(0) }, 'int64 scalar = [6]'],
  ['ReduceMax', [[2, 3]], { keepdims: int(0) }, 'int64 scalar = [3]'],
  ['ReduceProd', [['b', 3]], { keepdims: int(0) }, 'int64 scalar = [?]'],
  ['ArgMax', ['float32 b×s'], { axis: int(1) }, 'int64 b×1'],
  ['ArgMax', ['int64 b×s'], { axis: int(-1), keepdims: int(0) }, 'int64 b'],

  ['Gather', ['float32 99×4', 'int64 b×s'], {}, 'float32 b×s×4'],
  ['Gather', ['float32 b×9×4', 'int32 scalar'], { axis: int(1) }, 'float32 b×4'],
  [
    'Gather',
    [
      ['b', 's', 4],
      [2, 0],
    ],
    {},
    'int64 2 = [4, b]',
  ],
  ['Gather', [['b', 's', 4], -1], {}, 'int64 scalar = [4]'],
  ['GatherND', ['float32 b×s×4', 'int64 b×k×1'], { batch_dims: int(1) }, 'float32 b×k×4'],
  ['GatherND', ['float32 b×s×4', 'int64 b×1'], { batch_dims: int(1) }, 'float32 b×4'],
  ['GatherND', ['int64 b×s', 'int64 ?×k×1'], { batch_dims: int(1) }, 'int64 b×k'],
  ['GatherND', ['float32 9×8×4', 'int64 k×2'], {}, 'float32 k×4'],
  ['ScatterND', ['float32 n×4', 'int64 k×1', 'float32 k×4'], {}, 'float32 n×4'],
])('%s of %j with %j is %s', (op, inputs, attributes, type) => {
  expect(inferText({ op, inputs, attributes })).toBe(type);
});

test.each<
  readonly [op: string, inputs: readonly InputText[], attributes: Attributes, rule: RegExp]
>([
  ['MatMul', ['float32 b×5', 'float32 4×6'], {}, /inner dimensions: 5 is not 4/],
  ['MatMul', ['float32 b×4', 'float16 4×6'], {}, /float32 and float16/],
  ['MatMul', ['float32 4', 'float32 4×6'], {}, /two axes/],
  ['MatMul', ['float32 2×2×4', 'float32 3×4×6'], {}, /2 and 3 do not broadcast/],
  ['Gemm', ['float32 n×4', 'float32 6×4'], {}, /inner dimensions: 4 is not 6/],
  ['Gemm', ['float32 b×n×4', 'float32 4×6'], {}, /two axes/],
  ['Gemm', ['float32 n×4', 'float32 4×6', 'float32 5'], {}, /6 and 5 do not broadcast/],
  ['Gemm', ['float32 1×4', 'float32 4×6', 'float32 2×6'], {}, /bias: 2 is not 1/],
  ['DequantizeLinear', ['uint4 9×70', 'float32 9×2'], blocks, /codes: 2 is not 3/],
  ['DequantizeLinear', ['uint4 9×64', 'float32 9×2', 'uint8 9×2'], blocks, /uint4 and uint8/],
  ['LayerNormalization', ['float32 b×4', 'float32 5'], {}, /scale and bias: 5 is not 4/],
  ['LayerNormalization', ['float32 b×4', 'float16 4'], {}, /dtypes must be equal/],
  ['ReduceSum', ['int64 b×s', [2]], {}, /axis 2 of rank 2/],
  ['ArgMax', ['int64 b×s'], { axis: int(-3) }, /axis -3 of rank 2/],
  ['Gather', ['float32 9×4', 'float32 b'], {}, /indices must be integers/],
  ['GatherND', ['float32 9×4', 'int64 b×?'], {}, /known depth/],
  ['GatherND', ['float32 9×4', 'int64 b×3'], {}, /known depth within the data/],
  ['GatherND', ['float32 3×9×4', 'int64 2×b×1'], { batch_dims: int(1) }, /3 is not 2/],
  ['ScatterND', ['float32 n×4', 'int64 k×1', 'float16 k×4'], {}, /dtypes must be equal/],
  ['ScatterND', ['float32 n×4', 'float32 k×1', 'float32 k×4'], {}, /indices must be integers/],
])('%s of %j with %j breaks a rule: %s', (op, inputs, attributes, rule) => {
  expect(() => inferText({ op, inputs, attributes })).toThrow(rule);
});
