import { describe, expect, test } from 'vitest';
import { inferText, type InputText } from '../../test/infer-node.ts';
import { elementType, float, int } from './attributes.ts';
import type { Attributes } from './graph.ts';

test.each(['Erf', 'Tanh', 'Sigmoid', 'Relu', 'Gelu', 'Elu', 'Softplus', 'Exp', 'Log', 'Sqrt'])(
  '%s keeps the type',
  (op) => {
    expect(inferText({ op, inputs: ['float16 b×s×4'] })).toBe('float16 b×s×4');
  },
);

test.each<
  readonly [op: string, inputs: readonly InputText[], attributes: Attributes, type: string]
>([
  ['LeakyRelu', ['float32 n'], { alpha: float(0.01) }, 'float32 n'],
  ['Clip', ['float16 n', 'float16 scalar', 'float16 scalar'], {}, 'float16 n'],
  ['Clip', ['float16 n', null, 'float16 scalar'], {}, 'float16 n'],
  ['Identity', [[7, 2]], {}, 'int64 2 = [7, 2]'],
  ['Neg', [[3, 'b']], {}, 'int64 2 = [-3, ?]'],
  ['Abs', [[-3]], {}, 'int64 1 = [3]'],

  ['Add', ['float32 b×s×4', 'float32 4'], {}, 'float32 b×s×4'],
  ['Add', ['float32 b×1', 'float32 s'], {}, 'float32 b×s'],
  ['Add', ['float32 3×1', 'float32 b×s'], {}, 'float32 3×s'],
  ['Add', ['float32 b', 'float32 s'], {}, 'float32 ?'],
  [
    'Add',
    [
      [2, 'b'],
      [3, 0],
    ],
    {},
    'int64 2 = [5, b]',
  ],
  ['Add', [[2, 'b'], 1], {}, 'int64 2 = [3, ?]'],
  ['Sub', [['s'], [0]], {}, 'int64 1 = [s]'],
  ['Sub', [[0], ['s']], {}, 'int64 1 = [?]'],
  [
    'Mul',
    [
      ['s', 3],
      [1, 4],
    ],
    {},
    'int64 2 = [s, 12]',
  ],
  ['Div', ['float32 b', 'float32 scalar'], {}, 'float32 b'],
  ['Mod', ['int64 b×s', 'int64 scalar'], {}, 'int64 b×s'],
  ['Pow', ['float32 b', 'float32 1'], {}, 'float32 b'],
  ['BitShift', ['uint8 5×3×1', 'uint8 2'], {}, 'uint8 5×3×2'],
  ['BitwiseAnd', ['uint8 5×3×2', 'uint8 1'], {}, 'uint8 5×3×2'],
  ['Max', [[2, 9], [4, 4], 3], {}, 'int64 2 = [4, 9]'],
  ['Min', [[2, 9], [4, 4], 3], {}, 'int64 2 = [2, 3]'],
  ['Max', ['int64 b', [1]], {}, 'int64 b'],

  ['Equal', ['int64 b×s', 'int64 scalar'], {}, 'bool b×s'],
  ['Less', ['float32 b×1', 'float32 s'], {}, 'bool b×s'],
  ['And', ['bool b×1', 'bool s'], {}, 'bool b×s'],
  ['Not', ['bool b'], {}, 'bool b'],
  ['Where', ['bool s', 'float32 scalar', 'float32 b×1'], {}, 'float32 b×s'],

  ['Cast', ['int64 b'], { to: elementType('float16') }, 'float16 b'],
  ['Cast', [['b', 4]], { to: elementType('int32') }, 'int32 2 = [b, 4]'],
  ['Cast', [['b', 4]], { to: elementType('float32') }, 'float32 2'],
  ['CastLike', ['float32 b', 'float16 4'], {}, 'float16 b'],
])('%s of %j with %j is %s', (op, inputs, attributes, type) => {
  expect(inferText({ op, inputs, attributes })).toBe(type);
});

test.each<
  readonly [op: string, inputs: readonly InputText[], attributes: Attributes, rule: RegExp]
>([
  ['Add', ['float32 2', 'float32 3'], {}, /2 and 3 do not broadcast/],
  ['Add', ['float32 2', 'float16 2'], {}, /dtypes must be equal, not float32 and float16/],
  ['Add', ['float32 2'], {}, /input 1 is missing/],
  ['Max', ['float32 2', 'float32 2', 'float32 3'], {}, /do not broadcast/],
  ['Equal', ['int64 2', 'int32 2'], {}, /dtypes must be equal/],
  ['And', ['int64 2', 'int64 2'], {}, /must be bool/],
  ['Where', ['int64 2', 'float32 2', 'float32 2'], {}, /condition must be bool/],
  ['Where', ['bool 2', 'float32 2', 'float16 2'], {}, /dtypes must be equal/],
  ['Clip', ['float32 2', 'float16 scalar'], {}, /dtypes must be equal/],
  ['Cast', ['float32 2'], { to: int(8) }, /a cast to type 8/],
  ['Cast', ['float32 2'], {}, /attribute to must be an integer/],
  ['Einsum', ['float32 2'], {}, /no such operator in domain ''/],
])('%s of %j with %j breaks a rule: %s', (op, inputs, attributes, rule) => {
  expect(() => inferText({ op, inputs, attributes })).toThrow(rule);
});

describe('a failure', () => {
  test('names the graph, the operator and its values', () => {
    const infer = (): string => inferText({ op: 'Add', inputs: ['float32 2', 'float32 3'] });
    expect(infer).toThrow(
      expect.objectContaining({
        code: 'GRAPH_INVALID',
        message: 'Add: 2 and 3 do not broadcast (graph=test, output=out0, inputs=[in0, in1])',
      }),
    );
  });

  test('says that an operator has not so many outputs', () => {
    const node = { op: 'Relu', inputs: ['float32 2'], outputs: 2 };
    expect(() => inferText(node)).toThrow(/no output 1/);
  });
});
