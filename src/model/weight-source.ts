// Gives a graph's weights their values, in chunks: tensors are read in slabs, decoded to float32,
// transposed where the recipe says so, and looked over for values that are not finite.
//
// Memory is two slabs and a panel, whatever the size of a tensor. While one slab is worked on, the
// next one is being read.

import { decodeFloats } from '../checkpoint/floats.ts';
import { isFloatDType, storedBits, type FloatDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { chunkBytes, panelBytes } from '../base/limits.ts';
import type { NonFiniteWeight } from '../base/manifest.ts';
import type { TensorRef } from '../base/tensors.ts';
import type { Graph, Initializer } from '../ir/graph.ts';
import type { WeightSource } from '../ir/weights.ts';
import type { Tensors } from './bind.ts';
import { rotaryRows } from './rotary.ts';
import { transposeInto } from './transpose.ts';

export interface CheckpointWeights extends WeightSource {
  /** Weights read so far that hold NaN or infinite values. */
  nonFinite(): readonly NonFiniteWeight[];
}

export interface WeightOptions {
  /** Told how many bytes of the checkpoint were read. */
  readonly onRead?: (bytes: number) => void;
}

/** The weights of a checkpoint whose tensors were bound to the graph. */
export function checkpointWeights(
  tensors: Tensors,
  { onRead }: WeightOptions = {},
): CheckpointWeights {
  const reader = new SlabReader(onRead);
  const counts = new Map<string, number>();
  const count = (name: string, floats: Float32Array): void => {
    const bad = countNonFinite(floats);
    if (bad > 0) counts.set(name, (counts.get(name) ?? 0) + bad);
  };

  return {
    floats(initializer) {
      const { recipe } = initializer;
      switch (recipe.kind) {
        case 'weight': {
          const parts = recipe.tensors.map((name) => bound(tensors, name));
          return recipe.transpose
            ? transposed(initializer, parts, reader, count)
            : stacked(parts, reader, count);
        }
        case 'rotary':
          return rotary(initializer, recipe.fn, recipe.theta);
        default:
          throw new ToolkitError('INTERNAL', `no floats in a recipe of ${recipe.kind}`);
      }
    },
    nonFinite: () => [...counts].map(([name, n]) => ({ name, count: n })),
  };
}

/** Bytes of the checkpoint that writing a graph's weights reads. */
export function weightBytes(graph: Graph, tensors: Tensors): number {
  return graph.initializers.reduce((total, { type, recipe }) => {
    if (recipe.kind !== 'weight') return total;
    const sizes = recipe.tensors.map((name) => tensors.get(name)?.size ?? 0);
    const panels = recipe.transpose ? Math.ceil((type.shape[0] ?? 0) / panelRowsOf(type.shape)) : 1;
    return total + panels * sizes.reduce((sum, size) => sum + size, 0);
  }, 0);
}

/** Rows of the transposed matrix that a panel holds. */
function panelRowsOf([width = 1, stride = 1]: readonly number[]): number {
  return Math.max(1, Math.min(width, Math.floor(panelBytes / 4 / stride)));
}

type Count = (name: string, floats: Float32Array) => void;

/** Tensors one behind the other. */
async function* stacked(
  parts: readonly TensorRef[],
  reader: SlabReader,
  count: Count,
): AsyncGenerator<Float32Array> {
  for (const tensor of parts) {
    for await (const slab of reader.slabs(tensor, 1)) {
      count(tensor.name, slab);
      yield slab;
    }
  }
}

/** Tensors [out, in] side by side as [in, Σ out], a panel of rows at a time. */
async function* transposed(
  { type }: Initializer,
  parts: readonly TensorRef[],
  reader: SlabReader,
  count: Count,
): AsyncGenerator<Float32Array> {
  const [width = 1, stride = 1] = type.shape;
  const panelRows = panelRowsOf(type.shape);
  for (let from = 0; from < width; from += panelRows) {
    const to = Math.min(from + panelRows, width);
    const out = reader.panel((to - from) * stride);
    let column = 0;
    for (const tensor of parts) {
      for await (const slab of reader.slabs(tensor, width)) {
        if (from === 0) count(tensor.name, slab); // later panels read the same numbers
        const rows = slab.length / width;
        transposeInto(slab, rows, width, { from, to }, { out, stride, column });
        column += rows;
      }
    }
    yield* pieces(out);
  }
}

async function* rotary(
  { type }: Initializer,
  fn: 'cos' | 'sin',
  theta: number,
): AsyncGenerator<Float32Array> {
  const [positions = 0, half = 1] = type.shape;
  const rows = Math.ceil(chunkBytes / 4 / half);
  for (let from = 0; from < positions; from += rows) {
    yield rotaryRows(fn, theta, half, { from, to: Math.min(from + rows, positions) });
  }
}

/** Chunks of the usual size. */
function* pieces(floats: Float32Array): Generator<Float32Array> {
  const length = chunkBytes / 4;
  for (let from = 0; from < floats.length; from += length) {
    yield floats.subarray(from, from + length);
  }
}

/** Reads tensors front to back in slabs of whole rows, one slab ahead; owns the memory for it. */
class SlabReader {
  readonly #onRead: ((bytes: number) => void) | undefined;
  #bytes: readonly [Uint8Array, Uint8Array] | undefined;
  #floats: Float32Array | undefined;
  #panel: Float32Array | undefined;

  constructor(onRead: ((bytes: number) => void) | undefined) {
    this.#onRead = onRead;
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
      this.#bytes = [new Uint8Array(length), new Uint8Array(length)];
    }
    const into = this.#bytes[turn % 2 === 0 ? 0 : 1];
    return tensor.read(start, end, into);
  }

  #decode(bytes: Uint8Array, dtype: FloatDType): Float32Array {
    const length = (bytes.byteLength * 8) / storedBits[dtype];
    if (dtype === 'F32' && bytes.byteOffset % 4 === 0) {
      return new Float32Array(bytes.buffer, bytes.byteOffset, length);
    }
    if (!this.#floats || this.#floats.length < length) this.#floats = new Float32Array(length);
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

/** How many are NaN or infinite: those whose exponent is all ones. */
function countNonFinite(floats: Float32Array): number {
  const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
  const whole = bits.length - (bits.length % 4); // a loop that reads beyond the end runs slower
  let [a, b] = [0, 0]; // two, so that no step waits for the one before
  for (let i = 0; i < whole; i += 4) {
    a |= carry(bits[i] ?? 0) | carry(bits[i + 1] ?? 0);
    b |= carry(bits[i + 2] ?? 0) | carry(bits[i + 3] ?? 0);
  }
  for (let i = whole; i < bits.length; i++) a |= carry(bits[i] ?? 0);
  return (a | b) >= 0 ? 0 : floats.filter((value) => !Number.isFinite(value)).length;
}

/** Negative for an exponent of all ones: one more carries into the sign. */
function carry(bits: number): number {
  return ((bits & 0x7fffffff) + 0x00800000) | 0;
}

function bound(tensors: Tensors, name: string): TensorRef {
  const tensor = tensors.get(name);
  if (!tensor) throw new ToolkitError('INTERNAL', `${name} was not bound`);
  return tensor;
}
