import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inferText, type InputText } from '../../test/infer-node.ts';
import { constant, float, int, ints, tensor } from './attributes.ts';
import type { Attributes } from './graph.ts';

type Row = readonly [
  op: string,
  inputs: readonly InputText[],
  attributes: Attributes,
  type: string,
];

test.each<Row>([
  ['Constant', [], { value: tensor(constant('float32', [1, 2], [2, 1])) }, 'float32 2×1'],
  ['Constant', [], { value: tensor(constant('int64', [4, 5])) }, 'int64 2 = [4, 5]'],
  ['Constant', [], { value_int: int(7) }, 'int64 scalar = [7]'],
  ['Constant', [], { value_float: float(7) }, 'float32 scalar'],
  ['Constant', [], { value_ints: ints(7, 8) }, 'int64 2 = [7, 8]'],

  ['Shape', ['float32 b×s×4'], {}, 'int64 3 = [b, s, 4]'],
  ['Shape', ['float32 b×?×4'], { start: int(1) }, 'int64 2 = [?, 4]'],
  ['Shape', ['float32 b×s×4'], { start: int(1), end: int(2) }, 'int64 1 = [s]'],
  ['Shape', ['float32 b×s×4'], { start: int(-1) }, 'int64 1 = [4]'],
  ['Shape', ['float32 scalar'], {}, 'int64 0 = []'],

  ['ConstantOfShape', [['b', 2, 0]], {}, 'float32 b×2×0'],
  ['ConstantOfShape', ['int64 2'], { value: tensor(constant('int64', [1])) }, 'int64 ?×?'],

  ['Reshape', ['float32 b×s×6', [0, 0, 3, 2]], {}, 'float32 b×s×3×2'],
  ['Reshape', ['float32 b×s×6', [-1, 6]], {}, 'float32 ?×6'],
  ['Reshape', ['float32 b×s×6', ['b', 's', 2, -1]], {}, 'float32 b×s×2×3'],
  ['Reshape', ['float32 b×6', ['b', 2, -1, 1]], {}, 'float32 b×2×3×1'],
  ['Reshape', ['float32 4×6', [-1]], {}, 'float32 24'],
  ['Reshape', ['float32 4×6', 'int64 3'], {}, 'float32 ?×?×?'],
  ['Reshape', ['float32 s', [-1, 1]], {}, 'float32 s×1'],
  ['Reshape', [5, [1]], {}, 'int64 1 = [5]'],

  ['Squeeze', ['float32 1×s×1'], {}, 'float32 s'],
  ['Squeeze', ['float32 1×s×1', [-1]], {}, 'float32 1×s'],
  ['Squeeze', [['s'], [0]], {}, 'int64 scalar = [s]'],
  ['Unsqueeze', ['float32 b×s', [1, -1]], {}, 'float32 b×1×s×1'],
  ['Unsqueeze', [3, [0]], {}, 'int64 1 = [3]'],
  ['Unsqueeze', [[3, 4], [0]], {}, 'int64 1×2'],

  ['Transpose', ['float32 b×s×4'], {}, 'float32 4×s×b'],
  ['Transpose', ['float32 b×s×4'], { perm: ints(1, 0, 2) }, 'float32 s×b×4'],

  ['Concat', ['float32 b×2', 'float32 b×3'], { axis: int(1) }, 'float32 b×5'],
  ['Concat', ['float32 ?×2', 'float32 b×3'], { axis: int(-1) }, 'float32 b×5'],
  ['Concat', ['float32 b×p×4', 'float32 b×s×4'], { axis: int(1) }, 'float32 b×?×4'],
  ['Concat', ['float32 b×0×4', 'float32 b×s×4'], { axis: int(1) }, 'float32 b×s×4'],
  ['Concat', [['b'], [2, 3]], { axis: int(0) }, 'int64 3 = [b, 2, 3]'],

  ['Slice', ['float32 9×s', [2], [7]], {}, 'float32 5×s'],
  ['Slice', ['float32 9×s', [-3], [99], [0]], {}, 'float32 3×s'],
  ['Slice', ['float32 9×s', [7], [2], [0]], {}, 'float32 0×s'],
  ['Slice', ['float32 9×s', [0], ['s'], [1]], {}, 'float32 9×s'],
  ['Slice', ['float32 9×s', [1], [2], [-1]], {}, 'float32 9×?'],
  ['Slice', ['float32 9×s', 'int64 1', [2], [0]], {}, 'float32 ?×s'],
  ['Slice', [['b', 's', 4], [1], [3]], {}, 'int64 2 = [s, 4]'],

  ['Range', [0, 's', 1].map(scalar), {}, 'int64 s'],
  ['Range', [2, 9, 3].map(scalar), {}, 'int64 3 = [2, 5, 8]'],
  ['Range', [9, 2, 1].map(scalar), {}, 'int64 0 = []'],
  ['Range', [1, 's', 1].map(scalar), {}, 'int64 ?'],
])('%s of %j with %j is %s', (op, inputs, attributes, type) => {
  expect(inferText({ op, inputs, attributes })).toBe(type);
});

/** A scalar with this entry: a name has none of its own kind, and stands in a list of one. */
function scalar(entry: number | string): InputText {
  return typeof entry === 'number' ? entry : [entry];
}

describe('Split', () => {
  test.each([
    [
      ['float32 b×6'],
      { axis: int(1), num_outputs: int(3) },
      3,
      'float32 b×2; float32 b×2; float32 b×2',
    ],
    [['float32 b×6', [2, 4]], { axis: int(-1) }, 2, 'float32 b×2; float32 b×4'],
    [['float32 b×6'], { axis: int(0) }, 2, 'float32 ?×6; float32 ?×6'],
  ] as const)('of %j with %j into %i is %s', (inputs, attributes, outputs, type) => {
    expect(inferText({ op: 'Split', inputs, attributes, outputs })).toBe(type);
  });
});

test.each<
  readonly [op: string, inputs: readonly InputText[], attributes: Attributes, rule: RegExp]
>([
  ['Constant', [], {}, /without a value/],
  ['Reshape', ['float32 4×6', [5, 5]], {}, /24 elements do not fill 25/],
  ['Reshape', ['float32 4×6', [-1, 5]], {}, /24 elements do not divide by 5/],
  ['Reshape', ['float32 4×6', 'int64 n'], {}, /unknown length/],
  ['Reshape', ['float32 4×6'], {}, /input 1 is missing/],
  ['Squeeze', ['float32 1×3', [1]], {}, /axis 1 is 3, not 1/],
  ['Squeeze', ['float32 1×3', [2]], {}, /axis 2 of rank 2/],
  ['Unsqueeze', ['float32 3', [5]], {}, /axis 5 of rank 2/],
  ['Transpose', ['float32 b×s'], { perm: ints(0, 0) }, /perm 0,0 of rank 2/],
  ['Concat', ['float32 b×2', 'float16 b×2'], { axis: int(0) }, /dtypes must be equal/],
  ['Concat', ['float32 4×2', 'float32 5×3'], { axis: int(1) }, /4 is not 5/],
  ['Concat', ['float32 4×2', 'float32 4'], { axis: int(0) }, /rank 2 is not 1/],
  ['Concat', ['float32 4×2'], {}, /attribute axis must be an integer/],
  ['Split', ['float32 5'], { axis: int(0) }, /5 does not split into 2/],
  ['Split', ['float32 5', [1, 2]], { axis: int(0) }, /parts of 3 do not fill 5/],
  ['Split', ['float32 5', [1, 2, 2]], { axis: int(0) }, /3 sizes for 2 outputs/],
  ['Slice', ['float32 5', [0], [1], [3]], {}, /axis 3 of rank 1/],
])('%s of %j with %j breaks a rule: %s', (op, inputs, attributes, rule) => {
  const outputs = op === 'Split' ? 2 : 1;
  expect(() => inferText({ op, inputs, attributes, outputs })).toThrow(rule);
});

test('a slice is as long as the one of an array', () => {
  const bound = fc.integer({ min: -12, max: 12 });
  fc.assert(
    fc.property(fc.nat(8), bound, bound, (size, start, end) => {
      const { length } = Array.from({ length: size }).slice(start, end);
      const inputs = [`float32 ${size}`, [start], [end]];
      expect(inferText({ op: 'Slice', inputs })).toBe(`float32 ${length}`);
    }),
  );
});
