// The scale and the zero point of a block, by the squared error of the weights that come back.
//
// For given codes the best scale has a closed form, and with it the error is Σx² - (Σcx)² / Σc²,
// c counted from the zero point. So a candidate costs one pass over the block: the search tries a
// few ranges narrower and wider than the block's own, then rounds again by the best scale found.
// More rounds, and other zero points, would lower the error by another thousandth.

import type { BlockScheme } from '../ir/graph.ts';

/** A block's scale and the code that means 0. */
export interface Fit {
  readonly scale: number;
  readonly zero: number;
}

/** Finds the fit of the weights `from` to `to`, which lie in one block. */
export type Fitter = (weights: Float32Array, from: number, to: number) => Fit;

/** The search for a scheme; it uses memory of its own again and again. */
export function createFitter({ bits, symmetric }: BlockScheme): Fitter {
  const most = 2 ** bits - 1;
  const sums = new Float64Array(2);
  const factors = ranges[symmetric ? 'symmetric' : 'asymmetric'][bits];
  return (weights, from, to) => {
    const block: Block = { weights, from, to, most };
    const start = symmetric ? middleStart(block) : rangeStart(block);
    let best: Best = { score: 0, scale: 0, zero: start.zero };
    for (const factor of factors) {
      best = better(block, { scale: start.scale * factor, zero: start.zero }, best, sums);
    }
    return better(block, best, best, sums);
  };
}

/** Ranges of the first codes, as parts of the block's own; the whole is one of them. */
const ranges = {
  symmetric: { 4: spread(0.75, 1.25, 9), 8: spread(0.94, 1.02, 9) },
  asymmetric: { 4: spread(0.65, 1.05, 9), 8: spread(0.96, 1.01, 6) },
} as const;

function spread(least: number, most: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => least + ((most - least) * i) / (count - 1));
}

interface Block {
  readonly weights: Float32Array;
  readonly from: number;
  readonly to: number;
  /** The largest code. */
  readonly most: number;
}

interface Best extends Fit {
  /** What of the block's Σx² the codes explain. */
  readonly score: number;
}

/** The weight of the largest magnitude becomes the lowest code, which lies one step farther out. */
function middleStart({ weights, from, to, most }: Block): Fit {
  let peak = 0;
  for (let i = from; i < to; i++) {
    const weight = weights[i] ?? 0;
    if (Math.abs(weight) > Math.abs(peak)) peak = weight;
  }
  const zero = (most + 1) / 2;
  return { scale: -peak / zero, zero };
}

/** The codes reach from the least weight to the largest, and 0 is one of them. */
function rangeStart({ weights, from, to, most }: Block): Fit {
  let [least, largest] = [0, 0];
  for (let i = from; i < to; i++) {
    const weight = weights[i] ?? 0;
    if (weight < least) least = weight;
    if (weight > largest) largest = weight;
  }
  const scale = (largest - least) / most;
  return { scale, zero: scale === 0 ? 0 : Math.round(-least / scale) };
}

/** The codes of a candidate with the scale that suits them, where that beats what was found. */
function better(block: Block, { scale, zero }: Fit, best: Best, sums: Float64Array): Best {
  if (scale === 0) return best;
  tally(block, 1 / scale, zero, sums);
  const [product = 0, square = 0] = sums;
  const score = (product * product) / square;
  return score > best.score ? { score, scale: product / square, zero } : best;
}

/** A double of this size has no bits behind the point: what is added to it is rounded. */
const rounder = 1.5 * 2 ** 52;

/** Puts Σcx and Σc² of a block's codes into `sums`, c counted from the zero point. */
function tally(
  { weights, from, to, most }: Block,
  inverse: number,
  zero: number,
  sums: Float64Array,
): void {
  const low = -zero;
  const high = most - zero;
  // two sums of each kind, so that no step waits for the one before
  let product = 0;
  let square = 0;
  let otherProduct = 0;
  let otherSquare = 0;
  for (let i = from; i < to; i += 2) {
    const weight = weights[i] ?? 0;
    const rounded = weight * inverse + rounder - rounder;
    const code = rounded < low ? low : rounded > high ? high : rounded;
    product += code * weight;
    square += code * code;
    const other = i + 1 < to ? (weights[i + 1] ?? 0) : 0;
    const otherRounded = other * inverse + rounder - rounder;
    const otherCode = otherRounded < low ? low : otherRounded > high ? high : otherRounded;
    otherProduct += otherCode * other;
    otherSquare += otherCode * otherCode;
  }
  sums[0] = product + otherProduct;
  sums[1] = square + otherSquare;
}

/** The code nearest to a weight; `offset` is the zero point and a half, so that it rounds. */
export function codeOf(weight: number, inverse: number, offset: number, most: number): number {
  const code = (weight * inverse + offset) | 0; // what it cuts wrongly lies below 0
  return code < 0 ? 0 : code > most ? most : code;
}
