// Weights as they leave the checkpoint, float32, in the bytes of a file's dtype.
//
// Every machine with a JavaScript engine of the versions we support stores numbers little-endian,
// as ONNX does, so float32 is written as it lies in memory. The loop for half is the hot one of a
// conversion: normal halves take a branch that never moves, and the rest goes to a function.

import { ToolkitError } from '../base/errors.ts';
import { halfOfBits } from '../base/half.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer } from '../ir/graph.ts';

/** Encodes chunks of an initializer; the bytes last until the next call. */
export type FloatEncoder = (initializer: Initializer, values: Float32Array) => Uint8Array;

/** An encoder with memory of its own, that it uses again and again; it counts what it encoded. */
export function createFloatEncoder(): FloatEncoder {
  let halves = new Uint16Array();
  let [current, done]: [Initializer | undefined, number] = [undefined, 0];
  return (initializer, values) => {
    const { name, type } = initializer;
    if (type.dtype === 'float32') return bytesOf(values);
    if (type.dtype !== 'float16') {
      throw new ToolkitError('GRAPH_INVALID', 'a weight is stored as neither float32 nor float16', {
        where: { tensor: name, dtype: type.dtype },
      });
    }
    if (halves.length < values.length) halves = new Uint16Array(values.length);
    const part = halves.subarray(0, values.length);
    const start = current === initializer ? done : 0;
    encodeHalves(values, part, (index) => tensorAt(initializer, start + index));
    [current, done] = [initializer, start + values.length];
    return bytesOf(part);
  };
}

/** The checkpoint's name of the tensor that an element of an initializer comes from. */
function tensorAt({ name, type, recipe }: Initializer, index: number): string {
  if (recipe.kind !== 'weight') return name;
  // tensors of one shape, side by side when they are transposed, else one behind the other
  const width = recipe.transpose ? (type.shape[1] ?? 1) : sizeOf(type.shape);
  return recipe.tensors[Math.floor(((index % width) / width) * recipe.tensors.length)] ?? name;
}

function bytesOf(view: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

// Magnitudes, as bits of float32, that become normal halves: from 2^-14 to below 65,520.
const leastNormal = 0x38800000;
const overflow = 0x477ff000;
const infinity = 0x7f800000;

/** Rounds to the nearest half, ties to even; `tensorOf` names the tensor of an element that is too large. */
export function encodeHalves(
  values: Float32Array,
  halves: Uint16Array,
  tensorOf: (index: number) => string,
): void {
  const all = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const range = overflow - leastNormal;
  for (let i = 0; i < all.length; i++) {
    const bits = all[i] ?? 0;
    const magnitude = bits & 0x7fffffff;
    // 0x37fff001 moves the exponent's bias and adds half of what is cut, less one; the lowest bit
    // that stays adds the one where it is odd.
    halves[i] =
      (magnitude - leastNormal) >>> 0 < range
        ? ((bits >>> 16) & 0x8000) | ((magnitude - 0x37fff001 + ((magnitude >>> 13) & 1)) >>> 13)
        : rareHalf(bits, magnitude, i, tensorOf);
  }
}

/** Zeros, subnormal halves, infinities and NaN; a finite value beyond half is an error. */
function rareHalf(
  bits: number,
  magnitude: number,
  index: number,
  tensorOf: (index: number) => string,
): number {
  if (magnitude < overflow || magnitude >= infinity) return halfOfBits(bits);
  const [value = 0] = new Float32Array(Uint32Array.of(bits).buffer);
  throw new ToolkitError(
    'WEIGHT_OVERFLOW',
    'a weight is too large for half precision (65504 at most)',
    {
      where: { tensor: tensorOf(index), value },
      fix: 'convert with --dtype fp32',
    },
  );
}
