import { describe, expect, test } from 'vitest';
import { inferText, type InputText } from '../../test/infer-node.ts';
import { int } from './attributes.ts';

const cache = 'float16 b×2×p×16';
const attention: readonly InputText[] = [
  'float16 b×s×96',
  null,
  null,
  cache,
  cache,
  'int32 b',
  'int32 scalar',
  'float16 64×8',
  'float16 64×8',
];

function attend(...changes: readonly (readonly [number, InputText])[]): string {
  const inputs = changes.reduce((list, [index, input]) => list.with(index, input), attention);
  const attributes = { num_heads: int(2), kv_num_heads: int(2) };
  return inferText({ op: 'GroupQueryAttention', inputs, attributes, outputs: 3, contrib: true });
}

describe('GroupQueryAttention', () => {
  test('gives the context, and a cache of unknown length', () => {
    expect(attend()).toBe('float16 b×s×32; float16 b×2×?×16; float16 b×2×?×16');
  });

  test.each<readonly [index: number, input: InputText, rule: RegExp]>([
    [0, 'float32 b×s×96', /dtypes must be equal/],
    [0, 'float16 b×s×95', /6 heads of 16 do not fill 95/],
    [0, 'float16 b×s×?', /do not fill null/],
    [3, 'float16 b×2×p×8', /past_key and past_value: 8 is not 16/],
    [5, 'int64 b', /must be int32/],
    [6, 'int64 scalar', /must be int32/],
    [7, null, /input 7 is missing/],
    [8, 'float32 64×8', /dtypes must be equal/],
  ])('refuses input %i as %s', (index, input, rule) => {
    expect(() => attend([index, input])).toThrow(rule);
  });
});

describe('SkipLayerNormalization', () => {
  const type = (...inputs: readonly InputText[]): string =>
    inferText({ op: 'SkipLayerNormalization', inputs, outputs: 4, contrib: true });

  test('gives the norm, its statistics and the sum', () => {
    expect(type('float16 b×s×4', 'float16 b×s×4', 'float16 4')).toBe(
      'float16 b×s×4; float32 b×s×1; float32 b×s×1; float16 b×s×4',
    );
  });

  test.each<readonly [inputs: readonly InputText[], rule: RegExp]>([
    [['float32 b×4', 'float32 b×5', 'float32 4'], /input and skip: 4 is not 5/],
    [['float32 b×4', 'float32 b×4', 'float32 5'], /gamma and beta: 5 is not 4/],
    [['float32 b×4', 'float32 b×4', 'float16 4'], /dtypes must be equal/],
  ])('refuses %j', (inputs, rule) => {
    expect(() => type(...inputs)).toThrow(rule);
  });
});

const codes = 'uint8 5×3×16';
const packed = { bits: int(4), block_size: int(32) };

describe('MatMulNBits', () => {
  const infer = (...inputs: readonly InputText[]): string =>
    inferText({
      op: 'MatMulNBits',
      inputs,
      attributes: { ...packed, K: int(80), N: int(5) },
      contrib: true,
    });

  test('gives a column for each row of the weight', () => {
    expect(infer('float16 b×s×80', codes, 'float16 5×3')).toBe('float16 b×s×5');
    const zeros = 'uint8 5×2';
    expect(infer('float32 n×80', codes, 'float32 5×3', zeros, null, 'float32 5')).toBe(
      'float32 n×5',
    );
  });

  test.each<readonly [inputs: readonly InputText[], rule: RegExp]>([
    [['float32 n×80', codes, 'float16 5×3'], /dtypes must be equal/],
    [['float32 n×81', codes, 'float32 5×3'], /inner dimensions: 81 is not 80/],
    [['float32 n×80', 'uint8 6×3×16', 'float32 6×3'], /codes: 6 is not 5/],
    [['float32 n×80', 'uint8 5×3×32', 'float32 5×3'], /codes: 32 is not 16/],
    [['float32 n×80', 'int32 5×3×16', 'float32 5×3'], /must be uint8/],
    [['float32 n×80', codes, 'float32 5×2'], /scales and codes: 2 is not 3/],
    [['float32 n×80', codes, 'float32 5×3', null, null, 'float32 4'], /bias: 4 is not 5/],
  ])('refuses %j', (inputs, rule) => {
    expect(() => infer(...inputs)).toThrow(rule);
  });
});
