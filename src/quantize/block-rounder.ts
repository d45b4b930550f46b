// A block's turn: its scale is the one with the least loss of the whole procedure within the block,
// (Σ of the squared errors, each as far as no later column can make up for it).

import { fromHalf, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { createFitter, type Fit, type Fitter } from './fit.ts';

/** Scales that are tried, as parts of the one that fits best. */
const factors = {
  4: [1, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15],
  8: [1, 0.98, 0.99, 1.01],
} as const;

/** Moves of the zero point that are tried around the best one. */
const moves: readonly number[] = [-1, 1];

export interface Place {
  /** First column, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** Of a row, and so of the factor. */
  readonly columns: number;
}

/** Rounds one block of row after row; it owns the memory for that. */
export class BlockRounder {
  readonly from: number;
  readonly length: number;
  /** Of the last row, counted from its zero point. */
  readonly codes: Int16Array;
  /** Of the last row: each column's error, as it goes to the columns behind the block. */
  readonly errors: Float64Array;
  readonly #scheme: BlockScheme;
  readonly #fit: Fitter;
  /** The block's part of the factor, [length, length]. */
  readonly #factor: Float64Array;
  /** Whether errors flow within the block. */
  readonly #flows: boolean;
  readonly #plain: Float32Array;
  readonly #work: Float64Array;
  readonly #tried: Int16Array;
  readonly #triedErrors: Float64Array;

  constructor(scheme: BlockScheme, factor: Float64Array, { from, to, columns }: Place) {
    const length = to - from;
    this.from = from;
    this.length = length;
    this.codes = new Int16Array(length);
    this.errors = new Float64Array(length);
    this.#scheme = scheme;
    this.#fit = createFitter(scheme);
    this.#factor = new Float64Array(length * length);
    for (let i = 0; i < length; i++) {
      const at = (from + i) * columns + from;
      this.#factor.set(factor.subarray(at, at + length), i * length);
    }
    this.#flows = this.#factor.some((value, i) => value !== 0 && i % (length + 1) !== 0);
    this.#plain = new Float32Array(length);
    this.#work = new Float64Array(length);
    this.#tried = new Int16Array(length);
    this.#triedErrors = new Float64Array(length);
  }

  /** Rounds the block of a row, and leaves `codes` and `errors`. */
  round(row: Float64Array): Fit {
    for (let i = 0; i < this.length; i++) this.#plain[i] = row[this.from + i] ?? 0;
    const [exact = 0, middle = 0] = this.#fit(this.#plain, this.length);
    let best: Fit = { scale: halfOf(exact), zero: middle };
    let loss = this.#try(row, best, Number.POSITIVE_INFINITY);
    if (!this.#flows || best.scale === 0) return best;
    const consider = (scale: number, zero: number): void => {
      const fit = { scale: halfOf(scale), zero };
      const found = this.#try(row, fit, loss);
      if (found < loss) [best, loss] = [fit, found];
    };
    const { scale } = best;
    for (const factor of factors[this.#scheme.bits])
      if (factor !== 1) consider(scale * factor, best.zero);
    if (!this.#scheme.symmetric) {
      const { scale: chosen, zero } = best;
      for (const move of moves) {
        if (zero + move < 0 || zero + move >= 2 ** this.#scheme.bits) continue;
        for (const factor of [0.95, 1, 1.05]) consider(chosen * factor, zero + move);
      }
    }
    const { scale: last, zero } = best;
    for (const factor of [0.975, 1.025]) consider(last * factor, zero);
    return best;
  }

  /** The loss of a fit, which is kept where it is below `limit`; it may stop at the limit. */
  #try(row: Float64Array, { scale, zero }: Fit, limit: number): number {
    const { length } = this;
    const [work, factor, codes, errors] = [
      this.#work,
      this.#factor,
      this.#tried,
      this.#triedErrors,
    ];
    const inverse = scale === 0 ? 0 : 1 / scale;
    const most = 2 ** this.#scheme.bits - 1 - zero;
    for (let i = 0; i < length; i++) work[i] = row[this.from + i] ?? 0;
    let loss = 0;
    for (let i = 0; i < length; i++) {
      const value = work[i] ?? 0;
      const nearest = Math.floor(value * inverse + 0.5);
      const code = nearest < -zero ? -zero : nearest > most ? most : nearest;
      const at = i * length;
      const error = (value - code * scale) / (factor[at + i] ?? 1);
      loss += error * error;
      if (loss >= limit) return loss;
      codes[i] = code;
      errors[i] = error;
      for (let k = i + 1; k < length; k++) work[k] = (work[k] ?? 0) - error * (factor[at + k] ?? 0);
    }
    this.codes.set(codes);
    this.errors.set(errors);
    return loss;
  }
}

function halfOf(value: number): number {
  return fromHalf(toHalf(value));
}
