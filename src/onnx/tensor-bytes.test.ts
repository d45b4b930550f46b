import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DType } from '../base/dtypes.ts';
import { decodeValues, encodeValues, exactNumber } from './tensor-bytes.ts';

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

describe('encodeValues', () => {
  test.each([
    ['float32', [1, -0], '0000803f00000080'],
    ['float16', [1, 65_504, 1e9], '003cff7b007c'],
    ['bfloat16', [1, 1 + 2 ** -8, 1 + 3 * 2 ** -8], '803f803f823f'],
    ['bfloat16', [Number.NaN, Number.NEGATIVE_INFINITY], 'c07f80ff'],
    ['float64', [-2], '00000000000000c0'],
    ['int64', [-1, 2 ** 62], 'ffffffffffffffff0000000000000040'],
    ['int32', [-2], 'feffffff'],
    ['uint8', [255], 'ff'],
    ['uint4', [1, 15, 9], 'f109'],
    ['bool', [0, 7], '0001'],
    ['float32', [], ''],
  ] satisfies [DType, number[], string][])('writes %s %o little-endian', (dtype, values, bytes) => {
    expect(hex(encodeValues(dtype, values))).toBe(bytes);
  });

  test('gives bytes from which the values come back', () => {
    const cases = fc.oneof(
      fc.record({ dtype: fc.constant<DType>('float64'), values: fc.array(fc.double()) }),
      fc.record({ dtype: fc.constant<DType>('float32'), values: fc.array(fc.float()) }),
      fc.record({ dtype: fc.constant<DType>('int64'), values: fc.array(fc.maxSafeInteger()) }),
      fc.record({ dtype: fc.constant<DType>('int32'), values: fc.array(fc.integer()) }),
      fc.record({ dtype: fc.constant<DType>('uint8'), values: fc.array(fc.nat(255)) }),
      fc.record({ dtype: fc.constant<DType>('uint4'), values: fc.array(fc.nat(15)) }),
    );
    fc.assert(
      fc.property(cases, fc.nat(7), ({ dtype, values }, offset) => {
        const bytes = encodeValues(dtype, values);
        const moved = new Uint8Array(bytes.length + offset);
        moved.set(bytes, offset);
        expect(decodeValues(dtype, moved.subarray(offset), values.length)).toEqual(values);
      }),
    );
  });
});

test('decodeValues widens every half and bfloat16 to what it rounds back to', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, index) => index);
  for (const [dtype, infinity] of [
    ['float16', 0x7c00],
    ['bfloat16', 0x7f80],
  ] as const) {
    const numbers = bits.filter((each) => (each & 0x7fff) <= infinity);
    const bytes = new Uint8Array(numbers.buffer);
    expect(hex(encodeValues(dtype, decodeValues(dtype, bytes)))).toBe(hex(bytes));
  }
});

test('exactNumber refuses what a double cannot hold', () => {
  expect(exactNumber(-(2n ** 63n))).toBe(-(2 ** 63));
  expect(() => exactNumber(2n ** 53n + 1n)).toThrow('exact in double precision');
});
