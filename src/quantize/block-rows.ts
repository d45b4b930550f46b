// Rows of a weight → codes, scales and zero points in the layout of MatMulNBits. Codes are given out
// as rows come in; scales and zero points, a small part of the whole, are kept until the end.

import { ToolkitError } from '../base/errors.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { codeOf, createFitter, type Fitter } from './fit.ts';
import { packNibbles } from './nibbles.ts';

/** The size of a weight, [rows, columns]. */
export interface MatrixSize {
  readonly rows: number;
  readonly columns: number;
}

/** Blocks in a row; the last one may be partly filled. */
export function blocksPerRow(columns: number, { blockSize }: BlockScheme): number {
  return Math.ceil(columns / blockSize);
}

/** Bytes of a row's codes. */
export function codeBytes(columns: number, scheme: BlockScheme): number {
  return (blocksPerRow(columns, scheme) * scheme.blockSize * scheme.bits) / 8;
}

/** A weight that is quantized row by row; it owns what is kept, and the memory of the codes. */
export class BlockRows {
  /** Exact halves, [rows, blocks]. */
  readonly scales: Float32Array;
  /** One a byte, [rows, blocks]. */
  readonly zeros: Uint8Array;
  readonly #scheme: BlockScheme;
  readonly #columns: number;
  readonly #fit: Fitter;
  #codes: Uint8Array = new Uint8Array();
  #done = 0;

  constructor(scheme: BlockScheme, { rows, columns }: MatrixSize) {
    const blocks = rows * blocksPerRow(columns, scheme);
    this.scales = new Float32Array(blocks);
    this.zeros = new Uint8Array(blocks);
    this.#scheme = scheme;
    this.#columns = columns;
    this.#fit = createFitter(scheme);
  }

  /** The codes of the next rows, whole ones; good until the next call. `tensor` is for messages. */
  add(weights: Float32Array, tensor: string): Uint8Array {
    const { bits, blockSize } = this.#scheme;
    const rows = weights.length / this.#columns;
    const length = rows * codeBytes(this.#columns, this.#scheme);
    if (this.#codes.length < length) this.#codes = new Uint8Array(length);
    let at = 0;
    for (let row = 0; row < rows; row++) {
      const end = (row + 1) * this.#columns;
      for (let from = row * this.#columns; from < end; from += blockSize) {
        this.#addBlock(weights, { from, to: Math.min(from + blockSize, end) }, at, tensor);
        at += (blockSize * bits) / 8;
      }
    }
    return this.#codes.subarray(0, length);
  }

  /** Zero points as bytes: of four bits two in a byte, in each row or all in one run. */
  packedZeros(everyRow: boolean): Uint8Array {
    if (this.#scheme.bits === 8) return this.zeros;
    const length = everyRow ? blocksPerRow(this.#columns, this.#scheme) : this.zeros.length;
    return packNibbles(this.zeros, length);
  }

  #addBlock(
    weights: Float32Array,
    { from, to }: { readonly from: number; readonly to: number },
    at: number,
    tensor: string,
  ): void {
    const { scale: exact, zero } = this.#fit(weights, from, to);
    const scale = fromHalf(toHalf(exact));
    if (!Number.isFinite(scale) || (scale === 0 && !isFinite(weights, from, to))) {
      refuse(weights, from, to, tensor);
    }
    this.scales[this.#done] = scale;
    this.zeros[this.#done++] = zero;
    const codes = { inverse: scale === 0 ? 0 : 1 / scale, zero, from, to };
    if (this.#scheme.bits === 8) putBytes(weights, codes, this.#scheme, this.#codes, at);
    else putNibbles(weights, codes, this.#scheme, this.#codes, at);
  }
}

/** How the weights `from` to `to` become codes. */
interface Coding {
  readonly inverse: number;
  readonly zero: number;
  readonly from: number;
  readonly to: number;
}

function putBytes(
  weights: Float32Array,
  { inverse, zero, from, to }: Coding,
  { blockSize }: BlockScheme,
  out: Uint8Array,
  at: number,
): void {
  const offset = zero + 0.5;
  const length = to - from;
  for (let i = 0; i < length; i++) {
    out[at + i] = codeOf(weights[from + i] ?? 0, inverse, offset, 255);
  }
  out.fill(zero, at + length, at + blockSize);
}

function putNibbles(
  weights: Float32Array,
  { inverse, zero, from, to }: Coding,
  { blockSize }: BlockScheme,
  out: Uint8Array,
  at: number,
): void {
  const offset = zero + 0.5;
  const pairs = (to - from) >> 1;
  for (let i = 0; i < pairs; i++) {
    const low = codeOf(weights[from + 2 * i] ?? 0, inverse, offset, 15);
    const high = codeOf(weights[from + 2 * i + 1] ?? 0, inverse, offset, 15);
    out[at + i] = low | (high << 4);
  }
  const bytes = blockSize / 2;
  if (pairs === bytes) return;
  const alone = (to - from) % 2 === 1;
  const last = alone ? codeOf(weights[to - 1] ?? 0, inverse, offset, 15) : zero;
  out[at + pairs] = last | (zero << 4);
  out.fill(zero | (zero << 4), at + pairs + 1, at + bytes);
}

function isFinite(weights: Float32Array, from: number, to: number): boolean {
  return weights.subarray(from, to).every((weight) => Number.isFinite(weight));
}

function refuse(weights: Float32Array, from: number, to: number, tensor: string): never {
  const values = weights.subarray(from, to);
  const value =
    values.find((each) => !Number.isFinite(each)) ??
    values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  throw new ToolkitError('WEIGHT_OVERFLOW', 'the scale of a block of weights fits into half', {
    where: { tensor, value },
    fix: 'convert with --dtype fp32',
  });
}
