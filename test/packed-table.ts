// Tables of codes drawn at random: as numbers, and packed as the graph has them.

import fc from 'fast-check';
import { toHalf } from '../src/base/half.ts';
import type { Tensor } from '../src/base/tensors.ts';
import { noise, realOf } from './agree.ts';

export interface PackedTable {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** Of a row. */
  readonly blocks: number;
  readonly columns: number;
  readonly rows: number;
  /** One after the other, whole blocks. */
  readonly codes: Uint8Array;
  /** [rows, blocks], halves. */
  readonly scales: ArrayLike<number>;
  /** [rows, blocks], a code each. */
  readonly zeros: Uint8Array | undefined;
}

export function packedTables(of: {
  readonly columns: readonly number[];
  readonly rows: readonly number[];
}): fc.Arbitrary<PackedTable> {
  return fc
    .record({
      bits: fc.constantFrom(4 as const, 8 as const),
      blockSize: fc.constantFrom(16, 32),
      columns: fc.constantFrom(...of.columns),
      rows: fc.constantFrom(...of.rows),
      zeros: fc.boolean(),
      seed: fc.nat(),
    })
    .map(({ zeros, seed, ...table }) => {
      const { bits, blockSize, columns, rows } = table;
      const blocks = Math.ceil(columns / blockSize);
      return {
        ...table,
        blocks,
        codes: codes(rows * blocks * blockSize, bits, seed),
        scales: realOf(noise('float16', [rows * blocks], seed + 1)).data,
        zeros: zeros ? codes(rows * blocks, bits, seed + 2) : undefined,
      };
    });
}

/** Random bytes below 2^bits. */
function codes(length: number, bits: number, seed: number): Uint8Array {
  const { data } = realOf(noise('float32', [length], seed));
  return Uint8Array.from(data, (value) => Math.floor(((value + 1) / 2) * 2 ** bits));
}

/** Codes of each row one after the other in whole bytes. */
export function packedRows(values: Uint8Array, columns: number, bits: number): Uint8Array {
  const pitch = Math.ceil((columns * bits) / 8);
  const packed = new Uint8Array((values.length / columns) * pitch);
  for (const [i, value] of values.entries()) {
    const bit = (i % columns) * bits;
    const byte = Math.floor(i / columns) * pitch + Math.floor(bit / 8);
    packed[byte] = (packed[byte] ?? 0) | (value << (bit % 8));
  }
  return packed;
}

/** Codes, ids, scales and zero points as inputs of GatherBlocks. */
export function inputsOf(
  { bits, blockSize, blocks, rows, codes: all, scales, zeros }: PackedTable,
  dtype: 'float32' | 'float16',
  ids: Tensor,
): readonly Tensor[] {
  const scaleData =
    dtype === 'float32' ? Float32Array.from(scales) : Uint16Array.from(scales, toHalf);
  const zeroShape = [rows, Math.ceil((blocks * bits) / 8)];
  return [
    {
      dtype: 'uint8',
      shape: [rows, blocks, (blockSize * bits) / 8],
      data: packedRows(all, blocks * blockSize, bits),
    },
    ids,
    { dtype, shape: [rows, blocks], data: scaleData },
    ...(zeros
      ? [{ dtype: 'uint8', shape: zeroShape, data: packedRows(zeros, blocks, bits) } as const]
      : []),
  ];
}
