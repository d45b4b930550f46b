// Weights that were rounded before files are written, as the rows that a file is made of.

import type { BlockScheme } from '../ir/graph.ts';
import { blocksPerRow, codeBytes } from './block-rows.ts';
import { packNibbles } from './nibbles.ts';

export interface RoundedWeight {
  /** As MatMulNBits reads them. */
  readonly codes: Uint8Array; // [rows, bytes of a row]
  /** Exact halves. */
  readonly scales: Float32Array; // [rows, blocks]
  /** One a byte. */
  readonly zeros: Uint8Array; // [rows, blocks]
}

/** By `weightKey`. */
export type RoundedWeights = ReadonlyMap<string, RoundedWeight>;

/** One tensor may be rounded by several schemes, and by one of them in several mixes. */
export function weightKey(
  { bits, blockSize, symmetric }: BlockScheme,
  tensor: string,
  mix: number = 0,
): string {
  return [mix, bits, blockSize, symmetric, tensor].join(' ');
}

/** Rows of tensors, stacked: what BlockRows finds, found before. */
export class RoundedRows {
  readonly scales: Float32Array; // [rows, blocks]
  readonly zeros: Uint8Array; // [rows, blocks]
  readonly #scheme: BlockScheme;
  readonly #columns: number;
  readonly #tensors: ReadonlyMap<string, RoundedWeight>;
  /** Rows of a tensor that were given out. */
  readonly #given = new Map<string, number>();

  constructor(scheme: BlockScheme, columns: number, tensors: ReadonlyMap<string, RoundedWeight>) {
    const parts = [...tensors.values()];
    const count = parts.reduce((sum, { zeros }) => sum + zeros.length, 0);
    this.scales = new Float32Array(count);
    this.zeros = new Uint8Array(count);
    let at = 0;
    for (const { scales, zeros } of parts) {
      this.scales.set(scales, at);
      this.zeros.set(zeros, at);
      at += zeros.length;
    }
    this.#scheme = scheme;
    this.#columns = columns;
    this.#tensors = tensors;
  }

  /** The codes of the next rows of a tensor, as many as there are weights for. */
  add(weights: Float32Array, tensor: string): Uint8Array {
    const from = this.#given.get(tensor) ?? 0;
    const to = from + weights.length / this.#columns;
    this.#given.set(tensor, to);
    const bytes = codeBytes(this.#columns, this.#scheme);
    return (this.#tensors.get(tensor)?.codes ?? new Uint8Array()).subarray(
      from * bytes,
      to * bytes,
    );
  }

  /** Zero points as bytes: of four bits two in a byte, in each row or all in one run. */
  packedZeros(everyRow: boolean): Uint8Array {
    if (this.#scheme.bits === 8) return this.zeros;
    const length = everyRow ? blocksPerRow(this.#columns, this.#scheme) : this.zeros.length;
    return packNibbles(this.zeros, length);
  }
}
