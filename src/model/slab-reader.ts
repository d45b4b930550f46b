// Reads tensors front to back in slabs of whole rows, as float32. While one slab is worked on, the
// next one is being read.

import { isFloatDType, storedBits, type FloatDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { chunkBytes } from '../base/limits.ts';
import type { TensorRef } from '../base/tensors.ts';
import { decodeFloats } from '../checkpoint/floats.ts';

/** Owns the memory of two slabs, and of a panel for what is made of them. */
export class SlabReader {
  readonly #onRead: ((bytes: number) => void) | undefined;
  readonly #memory: (bytes: number) => ArrayBuffer | SharedArrayBuffer;
  #bytes: readonly [Uint8Array, Uint8Array] | undefined;
  #floats: Float32Array | undefined;
  #panel: Float32Array | undefined;

  /** Slabs lie in `memory`, for those who work on them. */
  constructor(
    onRead: ((bytes: number) => void) | undefined,
    memory: (bytes: number) => ArrayBuffer | SharedArrayBuffer,
  ) {
    this.#onRead = onRead;
    this.#memory = memory;
  }

  /** Consecutive runs of `width`-long rows as float32; each is good until the next is asked for. */
  async *slabs(tensor: TensorRef, width: number): AsyncGenerator<Float32Array> {
    const { dtype } = tensor;
    if (!isFloatDType(dtype)) throw new ToolkitError('INTERNAL', `${tensor.name} has no floats`);
    const rowBytes = (width * storedBits[dtype]) / 8;
    const slabBytes = Math.max(1, Math.floor(chunkBytes / rowBytes)) * rowBytes;
    let ahead = this.#read(tensor, 0, slabBytes);
    for (let start = 0, turn = 1; start < tensor.size; start += slabBytes, turn++) {
      const bytes = await ahead;
      if (start + slabBytes < tensor.size) {
        ahead = this.#read(tensor, start + slabBytes, slabBytes, turn % 2);
        ahead.catch(() => {}); // it is awaited in the next round, if there is one
      }
      this.#onRead?.(bytes.byteLength);
      const floats = this.#decode(bytes, dtype);
      if (dtype === 'F64') refuseOverflow(bytes, floats, tensor.name);
      yield floats;
    }
  }

  /** Room for a panel of transposed rows. */
  panel(length: number): Float32Array {
    if (!this.#panel || this.#panel.length < length) this.#panel = new Float32Array(length);
    return this.#panel.subarray(0, length);
  }

  async #read(
    tensor: TensorRef,
    start: number,
    slabBytes: number,
    turn: number = 0,
  ): Promise<Uint8Array> {
    const end = Math.min(start + slabBytes, tensor.size);
    if (!this.#bytes || this.#bytes[0].length < slabBytes) {
      const length = Math.max(slabBytes, chunkBytes);
      this.#bytes = [new Uint8Array(this.#memory(length)), new Uint8Array(this.#memory(length))];
    }
    const into = this.#bytes[turn % 2 === 0 ? 0 : 1];
    return tensor.read(start, end, into);
  }

  #decode(bytes: Uint8Array, dtype: FloatDType): Float32Array {
    const length = (bytes.byteLength * 8) / storedBits[dtype];
    if (dtype === 'F32' && bytes.byteOffset % 4 === 0) {
      return new Float32Array(bytes.buffer, bytes.byteOffset, length);
    }
    if (!this.#floats || this.#floats.length < length) {
      this.#floats = new Float32Array(this.#memory(4 * length));
    }
    const out = this.#floats.subarray(0, length);
    decodeFloats(bytes, dtype, out);
    return out;
  }
}

/** Throws at a finite value that float32 cannot hold. */
function refuseOverflow(bytes: Uint8Array, floats: Float32Array, tensor: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [i, float] of floats.entries()) {
    if (Number.isFinite(float)) continue;
    const value = view.getFloat64(8 * i, true);
    if (!Number.isFinite(value)) continue;
    throw new ToolkitError('WEIGHT_OVERFLOW', 'a weight fits into single precision', {
      where: { tensor, value },
      fix: 'convert a checkpoint whose weights are within 3.4e38',
    });
  }
}
