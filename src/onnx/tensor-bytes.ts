// Small tensors as bytes: the values that stand in a graph, little-endian and row-major, as ONNX's
// raw_data wants them.

import { bytesFor, byteWidth, type DType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { fromHalf, toHalf } from '../base/half.ts';

type Put = (view: DataView, at: number, value: number) => void;
type Get = (view: DataView, at: number) => number;

/** Types of whole bytes. */
type WholeDType = Exclude<DType, 'uint4'>;

const puts: Readonly<Record<WholeDType, Put>> = {
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float16: (view, at, value) => view.setUint16(at, toHalf(value), true),
  bfloat16: (view, at, value) => view.setUint16(at, toBfloat16(value), true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
  int64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  uint8: (view, at, value) => view.setUint8(at, value),
  bool: (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
};

const gets: Readonly<Record<WholeDType, Get>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float16: (view, at) => fromHalf(view.getUint16(at, true)),
  bfloat16: (view, at) => fromBfloat16(view.getUint16(at, true)),
  float64: (view, at) => view.getFloat64(at, true),
  int64: (view, at) => exactNumber(view.getBigInt64(at, true)),
  int32: (view, at) => view.getInt32(at, true),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at),
};

/** The bytes of `values`; integers must be exact (a double holds 2^62, but not 2^62 + 1). */
export function encodeValues(dtype: DType, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(bytesFor(dtype, values.length));
  if (dtype === 'uint4') {
    values.forEach((value, index) => {
      bytes[index >> 1] = (bytes[index >> 1] ?? 0) | ((value & 15) << (4 * (index & 1)));
    });
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  const put = puts[dtype];
  values.forEach((value, index) => put(view, index * byteWidth[dtype], value));
  return bytes;
}

/** The values of a tensor's bytes; of four bits two in a byte, the last one of which may be none. */
export function decodeValues(
  dtype: DType,
  bytes: Uint8Array,
  count: number = Math.floor(bytes.length / byteWidth[dtype]),
): readonly number[] {
  if (dtype === 'uint4') {
    return Array.from({ length: count }, (_, i) => ((bytes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15);
  }
  const width = byteWidth[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const get = gets[dtype];
  return Array.from({ length: count }, (_, i) => get(view, i * width));
}

/** An integer as a number, where that loses nothing. */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (BigInt(number) === value) return number;
  throw new ToolkitError('ONNX_INVALID', 'an integer is not exact in double precision', {
    where: { value: String(value) },
  });
}

const scratch = new DataView(new ArrayBuffer(4));

function toBfloat16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16; // ties to even
}

function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits * 0x1_0000);
  return scratch.getFloat32(0);
}
