import { expect, test } from 'vitest';
import type { Tensor } from '../../base/tensors.ts';
import { tensorOf, valueOf } from './tensors.ts';

const tensors: readonly Tensor[] = [
  { dtype: 'float32', shape: [2], data: Float32Array.of(0.1, Number.POSITIVE_INFINITY) },
  { dtype: 'float64', shape: [1, 2], data: Float64Array.of(0.1, -0) },
  { dtype: 'float16', shape: [3], data: Uint16Array.of(0x3c00, 0x8001, 0xfc00) },
  { dtype: 'int64', shape: [], data: BigInt64Array.of(-(2n ** 62n)) },
  { dtype: 'int32', shape: [2], data: Int32Array.of(-7, 2 ** 31 - 1) },
  { dtype: 'uint8', shape: [2], data: Uint8Array.of(0, 255) },
  { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
  { dtype: 'float32', shape: [0, 4], data: new Float32Array(0) },
];

test.each(tensors)('a tensor of $dtype $shape comes back as it was', (tensor) => {
  expect(tensorOf(valueOf(tensor))).toEqual(tensor);
});

test('results are rounded to their dtype, and only they', () => {
  const value = { shape: [1], data: Float64Array.of(1 / 3) };
  expect(tensorOf({ ...value, dtype: 'float32' }).data).toEqual(Float32Array.of(1 / 3));
  expect(tensorOf({ ...value, dtype: 'float16' }).data).toEqual(Uint16Array.of(0x3555));
});

test('bfloat16 is refused', () => {
  const empty = { dtype: 'bfloat16', shape: [0] } as const;
  expect(() => tensorOf({ ...empty, data: new Float64Array(0) })).toThrow('no tensors of bfloat16');
  expect(() => valueOf({ ...empty, data: new Uint16Array(0) })).toThrow('no tensors of bfloat16');
});
