// MatMulNBits of com.microsoft in double precision: x times a weight whose rows are kept as codes of
// 4 or 8 bits in blocks, each block with a scale of its own.

import { numberOf, type RealTensor } from '../../src/op.ts';
import type { Attributes } from '../../src/ir/graph.ts';

/** Inputs x, codes, scales, zero points or none, (no group index), bias or none. */
export function reference(
  inputs: readonly (RealTensor | undefined)[],
  attributes: Attributes,
): readonly RealTensor[] {
  const [x, codes, scales, zeroPoints, , bias] = inputs;
  if (!x || !codes || !scales) throw new TypeError('MatMulNBits takes x, codes and scales');
  const columns = numberOf(attributes['K']);
  const outputs = numberOf(attributes['N']);
  const blocks: Blocks = {
    bits: attributes['bits'] === undefined ? 4 : numberOf(attributes['bits']),
    blockSize: numberOf(attributes['block_size']),
    columns,
    codes: codes.data,
    scales: scales.data,
    zeroPoints: zeroPoints?.data,
  };
  const rows = x.data.length / columns;
  const data = new Float64Array(rows * outputs);
  for (let output = 0; output < outputs; output++) {
    const weights = weightRow(blocks, output);
    for (let row = 0; row < rows; row++) {
      let sum = bias?.data[output] ?? 0;
      for (const [i, weight] of weights.entries()) {
        sum += weight * (x.data[row * columns + i] ?? Number.NaN);
      }
      data[row * outputs + output] = sum;
    }
  }
  return [{ shape: [...x.shape.slice(0, -1), outputs], data }];
}

export interface Blocks {
  readonly bits: number;
  /** Codes with one scale. */
  readonly blockSize: number;
  readonly columns: number;
  /** [rows, blocks, blockSize * bits / 8]: the first code of a byte in its low bits. */
  readonly codes: ArrayLike<number>;
  readonly scales: ArrayLike<number>; // [rows, blocks]
  /** [rows, ceil(blocks * bits / 8)]: the code that means 0; the middle one where left out. */
  readonly zeroPoints?: ArrayLike<number> | undefined;
}

/** The numbers that a row of blocks stands for. */
export function weightRow(blocks: Blocks, row: number): Float64Array {
  const { bits, blockSize, columns, codes, scales, zeroPoints } = blocks;
  const perRow = Math.ceil(columns / blockSize);
  const zeroBytes = Math.ceil((perRow * bits) / 8);
  const start = row * perRow * blockSize * (bits / 8);
  const weights = new Float64Array(columns);
  for (let block = 0; block < perRow; block++) {
    const zero = zeroPoints ? codeAt(zeroPoints, bits, row * zeroBytes, block) : 2 ** (bits - 1);
    const scale = scales[row * perRow + block] ?? Number.NaN;
    const end = Math.min((block + 1) * blockSize, columns);
    for (let column = block * blockSize; column < end; column++) {
      weights[column] = (codeAt(codes, bits, start, column) - zero) * scale;
    }
  }
  return weights;
}

/** Code `index` of those that begin at byte `start`. */
function codeAt(bytes: ArrayLike<number>, bits: number, start: number, index: number): number {
  const at = index * bits;
  const byte = bytes[start + Math.floor(at / 8)] ?? Number.NaN;
  return (byte >> (at % 8)) & (2 ** bits - 1);
}
