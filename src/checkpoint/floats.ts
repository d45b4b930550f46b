// Stored floats as float32, in loops over whole chunks: every weight of a checkpoint passes here.
// Files keep no alignment, so bytes at an odd address are moved first.

import type { FloatDType } from '../base/dtypes.ts';
import { halfTable } from '../base/half.ts';

const widths: Readonly<Record<FloatDType, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/** Decodes little-endian floats into `out`, one for each of its elements; F64 is rounded. */
export function decodeFloats(bytes: Uint8Array, dtype: FloatDType, out: Float32Array): void {
  const length = out.length * widths[dtype];
  if (bytes.length !== length) {
    throw new RangeError(`${out.length} ${dtype} values are ${length} bytes, got ${bytes.length}`);
  }
  if (dtype === 'F32') {
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
    return;
  }
  const { buffer, byteOffset } = aligned(bytes, widths[dtype]);
  if (dtype === 'F64') out.set(new Float64Array(buffer, byteOffset, out.length));
  else if (dtype === 'F16') decodeHalves(new Uint16Array(buffer, byteOffset, out.length), out);
  else decodeBrains(new Uint16Array(buffer, byteOffset, out.length), out);
}

function aligned(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : bytes.slice();
}

function decodeHalves(halves: Uint16Array, out: Float32Array): void {
  const table = halfTable();
  for (let i = 0; i < out.length; i++) out[i] = table[halves[i] ?? 0] ?? 0;
}

/** A bfloat16 is the upper half of a float32. */
function decodeBrains(brains: Uint16Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (brains[i] ?? 0) << 16;
}
