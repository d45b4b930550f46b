// The scale and the zero point of a block, by the squared error of the weights that come back.
//
// For given codes the best scale has a closed form, and with it the error is Σw² - (Σcw)² / Σc²,
// c counted from the zero point. So a candidate costs one pass over the block: the search tries a
// few ranges narrower and wider than the block's own, then rounds again by the best scale found.
// More rounds, and other zero points, would lower the error by another thousandth.

import type { BlockScheme } from '../ir/graph.ts';
import { kernels } from '../simd/kernels.ts';

/** A block's scale and the code that means 0. */
export interface Fit {
  readonly scale: number;
  readonly zero: number;
}

/**
 * Finds the fits of rows of weights [rows, columns]: of each block its scale, then its zero point,
 * [rows, blocks, 2]. They are good until the next call of any fitter.
 */
export type Fitter = (weights: Float32Array, columns: number) => Float64Array;

/** The search for a scheme. */
export function createFitter({ bits, symmetric, blockSize }: BlockScheme): Fitter {
  const most = 2 ** bits - 1;
  const factors = ranges[symmetric ? 'symmetric' : 'asymmetric'][bits];
  const { room, fit } = kernels();
  return (weights, columns) => {
    const rows = weights.length / columns;
    const results = 2 * rows * Math.ceil(columns / blockSize);
    const scratchAt = 8 * (factors.length + (factors.length % 2));
    const outAt = scratchAt + 8 * blockSize + 32;
    const weightsAt = outAt + 8 * results;
    const memory = room(weightsAt + 4 * weights.length);
    new Float64Array(memory, 0, factors.length).set(factors);
    new Float32Array(memory, weightsAt, weights.length).set(weights);
    const factorsEnd = 8 * factors.length;
    const place = [0, factorsEnd, scratchAt, outAt] as const;
    fit(weightsAt, rows, columns, blockSize, most, Number(symmetric), ...place);
    return new Float64Array(memory, outAt, results);
  };
}

/** Ranges of the first codes, as parts of the block's own; the whole is one of them. */
const ranges = {
  symmetric: { 4: spread(0.75, 1.25, 9), 8: spread(0.93, 1.04, 19) },
  asymmetric: { 4: spread(0.65, 1.05, 9), 8: spread(0.96, 1.01, 6) },
} as const;

function spread(least: number, most: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => least + ((most - least) * i) / (count - 1));
}

/** The code nearest to a weight; `offset` is the zero point and a half, so that it rounds. */
export function codeOf(weight: number, inverse: number, offset: number, most: number): number {
  const code = (weight * inverse + offset) | 0; // what it cuts wrongly lies below 0
  return code < 0 ? 0 : code > most ? most : code;
}
