import { describe, expect, test } from 'vitest';
import type { FloatDType } from '../base/dtypes.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import { decodeFloats } from './floats.ts';

const values = [0, -0, 1, -2.5, 65504, 2 ** -24, Infinity, -Infinity, Number.NaN];

function encode(dtype: FloatDType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(Float32Array.from(values).buffer);
  if (dtype === 'F64') return new Uint8Array(Float64Array.from(values).buffer);
  if (dtype === 'F16') return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

function at(offset: number, bytes: Uint8Array): Uint8Array {
  const moved = new Uint8Array(bytes.length + offset).subarray(offset);
  moved.set(bytes);
  return moved;
}

describe.each<FloatDType>(['F16', 'BF16', 'F32', 'F64'])('%s', (dtype) => {
  test.each([0, 1, 2, 3, 4])('is decoded at byte offset %i', (offset) => {
    const out = new Float32Array(values.length);
    decodeFloats(at(offset, encode(dtype)), dtype, out);
    const expected =
      dtype === 'BF16' ? values.map((value) => (value === 65504 ? 65280 : value)) : values;
    expect([...out]).toEqual(expected);
  });

  test('of another length than the output is refused', () => {
    expect(() => decodeFloats(new Uint8Array(7), dtype, new Float32Array(1))).toThrow(RangeError);
  });
});

test('every half has the value that its bits say', () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const out = new Float32Array(65_536);
  decodeFloats(new Uint8Array(halves.buffer), 'F16', out);
  expect(out.findIndex((value, bits) => !Object.is(value, fromHalf(bits)))).toBe(-1);
});

test('F64 is rounded to the nearest float32', () => {
  const out = new Float32Array(1);
  decodeFloats(new Uint8Array(Float64Array.of(0.1).buffer), 'F64', out);
  expect(out[0]).toBe(Math.fround(0.1));
});
