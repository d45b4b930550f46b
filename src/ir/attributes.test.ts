import { expect, test } from 'vitest';
import { constant, float } from './attributes.ts';

test('floats are what a file of float32 keeps', () => {
  expect(float(0.1)).toEqual({ kind: 'float', value: 0.10000000149011612 });
});

test('a constant takes the shape of its values', () => {
  expect(constant('float16', 0.1)).toEqual({
    dtype: 'float16',
    shape: [],
    values: [0.0999755859375],
  });
  expect(constant('float32', [0.1]).values).toEqual([0.10000000149011612]);
  expect(constant('float64', [0.1]).values).toEqual([0.1]);
  expect(constant('int64', [1, 2]).shape).toEqual([2]);
  expect(constant('int64', [1, 2], [2, 1]).shape).toEqual([2, 1]);
  expect(() => constant('int64', [1, 2], [3])).toThrow('2 values for shape 3');
});
