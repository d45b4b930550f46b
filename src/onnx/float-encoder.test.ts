import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHalf, toHalf } from '../base/half.ts';
import type { DType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Initializer } from '../ir/graph.ts';
import { createFloatEncoder, encodeHalves } from './float-encoder.ts';

const halves = (values: Float32Array): Uint16Array => {
  const out = new Uint16Array(values.length);
  encodeHalves(values, out, () => 'w');
  return out;
};

const float32 = (bits: Uint32Array): Float32Array => new Float32Array(bits.buffer);

const weight = (dtype: DType): Initializer => ({
  name: 'w',
  type: { dtype, shape: [1] },
  recipe: { kind: 'weight', tensors: ['w'], transpose: false },
});

describe('encodeHalves', () => {
  test('gives every half back, and the nearest one around every tie', () => {
    const all = Array.from({ length: 0x7bff }, (_, bits) => bits);
    const around = all.flatMap((bits) => {
      const value = fromHalf(bits);
      const tie = (value + fromHalf(bits + 1)) / 2; // exact in float32
      return [value, -value, tie, -tie, tie * (1 - 2 ** -24), tie * (1 + 2 ** -23)];
    });
    const values = Float32Array.from(around);
    const expected = Uint16Array.from(values, (value) => toHalf(value));
    expect(Buffer.compare(Buffer.from(halves(values).buffer), Buffer.from(expected.buffer))).toBe(
      0,
    );
  });

  test('agrees with the rounding of single numbers on any bits of float32 that fit', () => {
    fc.assert(
      fc.property(fc.uint32Array({ min: 0, max: 0xffffffff, maxLength: 100 }), (bits) => {
        const values = float32(bits.slice()).map((value) =>
          Math.abs(value) >= 65_520 && Number.isFinite(value) ? value % 65_519 : value,
        );
        expect([...halves(values)]).toEqual(Array.from(values, (value) => toHalf(value)));
      }),
    );
  });

  test('lets infinities and NaN pass', () => {
    const values = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
    expect(Array.from(halves(values), (bits) => fromHalf(bits))).toEqual([...values]);
  });

  test('takes the largest value that rounds to a half, and no larger one', () => {
    const most = float32(Uint32Array.of(0x477fefff));
    expect(fromHalf(halves(most)[0] ?? 0)).toBe(65_504);
    expect(() => halves(float32(Uint32Array.of(0xc77ff000)))).toThrow(
      expect.objectContaining({ code: 'WEIGHT_OVERFLOW', where: { tensor: 'w', value: -65_520 } }),
    );
  });
});

describe('createFloatEncoder', () => {
  test('gives float32 as it lies in memory', () => {
    const values = Float32Array.of(0, 1, 2).subarray(1);
    const bytes = createFloatEncoder()(weight('float32'), values);
    expect(bytes.buffer).toBe(values.buffer);
    expect([...bytes]).toEqual([0, 0, 128, 63, 0, 0, 0, 64]);
  });

  test('uses the memory of its halves again', () => {
    const encode = createFloatEncoder();
    const first = encode(weight('float16'), Float32Array.of(1, 2));
    const second = encode(weight('float16'), Float32Array.of(3));
    expect([...second]).toEqual([0, 0x42]);
    expect(second.buffer).toBe(first.buffer);
  });

  test('names the tensor that a value too large comes from', () => {
    const overflow = (transpose: boolean, shape: readonly number[], index: number): unknown => {
      const recipe = { kind: 'weight', tensors: ['q', 'k', 'v'], transpose } as const;
      const initializer: Initializer = { name: 'w', type: { dtype: 'float16', shape }, recipe };
      const encode = createFloatEncoder();
      const values = Float32Array.from({ length: 12 }, (_, i) => (i === index ? 1e6 : 1));
      try {
        // two chunks, and one of another initializer before them
        encode(weight('float16'), Float32Array.of(1));
        encode(initializer, values.subarray(0, 5));
        encode(initializer, values.subarray(5));
      } catch (error) {
        return error instanceof ToolkitError ? error.where['tensor'] : error;
      }
      return undefined;
    };
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    expect(all.map((index) => overflow(true, [2, 6], index)).join('')).toBe('qqkkvvqqkkvv');
    expect(all.map((index) => overflow(false, [12], index)).join('')).toBe('qqqqkkkkvvvv');
  });

  test.each(['int64', 'bfloat16'] as const)('does not store weights as %s', (dtype) => {
    expect(() => createFloatEncoder()(weight(dtype), Float32Array.of(1))).toThrow(
      expect.objectContaining({ code: 'GRAPH_INVALID' }),
    );
  });
});
