// Rows of a weight → codes, scales and zero points in the layout of MatMulNBits. Codes are given out
// as rows come in; scales and zero points, a small part of the whole, are kept until the end.

import type { BlockScheme } from '../ir/graph.ts';
import { type BlockEngine, callingThread } from './block-engine.ts';
import { BlockMemory } from './block-memory.ts';
import { packNibbles } from './nibbles.ts';
import { type BlockJob, roundRows } from './round-rows.ts';
import { unfitWeight } from './unfit-weight.ts';

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

/** A weight that is quantized row by row; it owns what is kept. */
export class BlockRows {
  /** Exact halves, [rows, blocks]. */
  readonly scales: Float32Array;
  /** One a byte, [rows, blocks]. */
  readonly zeros: Uint8Array;
  readonly #scheme: BlockScheme;
  readonly #columns: number;
  readonly #memory: BlockMemory;
  #done = 0;

  /** Codes lie in `memory`, which weights that are quantized one after the other may share. */
  constructor(
    scheme: BlockScheme,
    { rows, columns }: MatrixSize,
    memory: BlockMemory = new BlockMemory(callingThread.memory),
  ) {
    const blocks = rows * blocksPerRow(columns, scheme);
    this.scales = new Float32Array(blocks);
    this.zeros = new Uint8Array(blocks);
    this.#scheme = scheme;
    this.#columns = columns;
    this.#memory = memory;
  }

  /** The codes of the next rows, whole ones; good until the next call. `tensor` is for messages. */
  add(weights: Float32Array, tensor: string): Uint8Array {
    const job = this.#begin(weights);
    roundRows(job, 0, weights.length / this.#columns);
    return this.#end(job, tensor);
  }

  /** The same by another's hands; one call at a time. */
  async addBy(engine: BlockEngine, weights: Float32Array, tensor: string): Promise<Uint8Array> {
    const job = this.#begin(weights);
    await engine.roundBlocks(job, weights.length / this.#columns);
    return this.#end(job, tensor);
  }

  /** Zero points as bytes: of four bits two in a byte, in each row or all in one run. */
  packedZeros(everyRow: boolean): Uint8Array {
    if (this.#scheme.bits === 8) return this.zeros;
    const length = everyRow ? blocksPerRow(this.#columns, this.#scheme) : this.zeros.length;
    return packNibbles(this.zeros, length);
  }

  #begin(weights: Float32Array): BlockJob {
    const [scheme, columns, memory] = [this.#scheme, this.#columns, this.#memory];
    const rows = weights.length / columns;
    const blocks = rows * blocksPerRow(columns, scheme);
    return {
      scheme,
      columns,
      weights,
      codes: memory.codes(rows * codeBytes(columns, scheme)),
      scales: memory.scales(blocks),
      zeros: memory.zeros(blocks),
    };
  }

  #end(job: BlockJob, tensor: string): Uint8Array {
    const bad = job.scales.findIndex((scale) => !Number.isFinite(scale));
    if (bad >= 0) refuse(job, bad, tensor);
    this.scales.set(job.scales, this.#done);
    this.zeros.set(job.zeros, this.#done);
    this.#done += job.scales.length;
    return job.codes;
  }
}

function refuse({ scheme, columns, weights }: BlockJob, block: number, tensor: string): never {
  const blocks = blocksPerRow(columns, scheme);
  const row = Math.floor(block / blocks);
  const from = row * columns + (block % blocks) * scheme.blockSize;
  const to = Math.min(from + scheme.blockSize, (row + 1) * columns);
  const values = weights.subarray(from, to);
  const value =
    values.find((each) => !Number.isFinite(each)) ??
    values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  throw unfitWeight(tensor, value);
}
