// How kernels read the packed weight of MatMulNBits: codes by the word, turned into numbers in
// registers; scales and zero points one by one, for they lie close whatever the length of a row.

import type { Element } from '../../src/wgsl.ts';

export interface PackedShape {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly zeroPoints: boolean;
  readonly scale: Element;
}

/** Words of codes that a kernel reads at a time. */
export type CodeWords = 1 | 2 | 4;

/** The type of so many words. */
export function wordType(words: CodeWords): 'u32' | 'vec2<u32>' | 'vec4<u32>' {
  return words === 1 ? 'u32' : `vec${words}<u32>`;
}

/** Codes in so many words: never more than a block has. */
export function codesIn({ bits }: PackedShape, words: CodeWords): number {
  return (words * 32) / bits;
}

/** Blocks of a row. */
export function blocksOf({ blockSize }: PackedShape, columns: number): number {
  return Math.ceil(columns / blockSize);
}

/**
 * WGSL: `codes_of(word: u32, vector: u32) -> vec4<f32>`, the first or second four codes of a word in
 * order; `scale_at(row: u32, block: u32) -> f32`, and `zero_at` likewise.
 */
export function packedReader(shape: PackedShape, columns: number): string {
  const { bits, zeroPoints, scale } = shape;
  const blocks = blocksOf(shape, columns);
  // bytes become numbers in one step on most GPUs, so nibbles are made bytes first, four at a time
  const codesOf =
    bits === 8
      ? 'return vec4<f32>((vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu));'
      : `let even = (word & 0x0f0f0f0fu) >> (16u * vector);
  let odd = ((word >> 4u) & 0x0f0f0f0fu) >> (16u * vector);
  return vec4<f32>((vec4(even, odd, even, odd) >> vec4(0u, 0u, 8u, 8u)) & vec4(0xffu));`;
  const zeroBits = Math.ceil((blocks * bits) / 8) * 8;
  const scaleOf =
    scale === 'f32'
      ? 'bitcast<f32>(scales[place])'
      : 'unpack2x16float(scales[place / 2u])[place % 2u]';
  const zeroOf = zeroPoints
    ? `let at = row * ${zeroBits}u + block * ${bits}u;
  return f32((zero_points[at / 32u] >> (at % 32u)) & ${2 ** bits - 1}u);`
    : `return ${2 ** (bits - 1)}.0;`;
  return `
fn codes_of(word: u32, vector: u32) -> vec4<f32> {
  ${codesOf}
}

fn scale_at(row: u32, block: u32) -> f32 {
  let place = row * ${blocks}u + block;
  return ${scaleOf};
}

fn zero_at(row: u32, block: u32) -> f32 {
  ${zeroOf}
}`;
}
