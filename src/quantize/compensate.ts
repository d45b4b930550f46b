// Rounding with compensation (GPTQ): the columns of a weight are rounded one after the other, and
// the error of each is taken off the columns that are not rounded yet, as the inputs that a product
// sees make best. A row of a weight is rounded by itself, so any cut of the rows gives the same.
//
// A block's scale is chosen when its turn comes, so it suits the errors that were put on its
// columns, and by the loss that the whole procedure has within the block, not by the distance alone.

import type { BlockScheme } from '../ir/graph.ts';
import { BlockRounder, type Place } from './block-rounder.ts';
import type { Fit } from './fit.ts';

/** A weight to round, or some of its rows. */
export interface Compensation {
  readonly scheme: BlockScheme;
  readonly columns: number;
  /** Upper U with UᵀU = H⁻¹, H the sum of the products' inputs x xᵀ. */
  readonly factor: Float64Array; // [columns, columns]
  /** Written over by what comes back from the codes. */
  readonly weights: Float32Array; // [rows, columns]
  readonly codes: Uint8Array; // [rows, blocks · blockSize]
  /** Exact halves. */
  readonly scales: Float32Array; // [rows, blocks]
  readonly zeros: Uint8Array; // [rows, blocks]
}

/** Rounds rows `from` to `to` of a weight. */
export function compensate(job: Compensation, from: number, to: number): void {
  const { scheme, columns, factor, weights } = job;
  const rounders = placesOf(scheme, columns).map(
    (place) => new BlockRounder(scheme, factor, place),
  );
  const row = new Float64Array(columns);
  for (let r = from; r < to; r++) {
    row.set(weights.subarray(r * columns, (r + 1) * columns));
    for (const [block, rounder] of rounders.entries()) {
      const fit = rounder.round(row);
      keep(job, { row: r, block, blocks: rounders.length }, rounder, fit);
      spread(row, rounder, job);
    }
  }
}

function placesOf({ blockSize }: BlockScheme, columns: number): readonly Place[] {
  return Array.from({ length: Math.ceil(columns / blockSize) }, (_, block) => {
    const from = block * blockSize;
    return { from, to: Math.min(from + blockSize, columns), columns };
  });
}

interface Spot {
  readonly row: number;
  readonly block: number;
  /** Of a row. */
  readonly blocks: number;
}

function keep(
  { scheme: { blockSize }, columns, weights, codes, scales, zeros }: Compensation,
  { row, block, blocks }: Spot,
  rounder: BlockRounder,
  { scale, zero }: Fit,
): void {
  const at = row * blocks + block;
  scales[at] = scale;
  zeros[at] = zero;
  codes.fill(zero, at * blockSize, (at + 1) * blockSize);
  const first = row * columns + rounder.from;
  for (let i = 0; i < rounder.length; i++) {
    const code = rounder.codes[i] ?? 0;
    codes[at * blockSize + i] = code + zero;
    weights[first + i] = code * scale;
  }
}

/** Takes a block's errors off the columns behind it, four columns of the block at a time. */
function spread(
  row: Float64Array,
  { from, length, errors }: BlockRounder,
  { factor, columns }: Compensation,
): void {
  const end = from + length;
  for (let i = 0; i < length; i += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = errors.subarray(i, i + 4);
    const u0 = (from + i) * columns;
    const u1 = i + 1 < length ? u0 + columns : u0;
    const u2 = i + 2 < length ? u1 + columns : u0;
    const u3 = i + 3 < length ? u2 + columns : u0;
    for (let k = end; k < columns; k++) {
      row[k] =
        (row[k] ?? 0) -
        a * (factor[u0 + k] ?? 0) -
        b * (factor[u1 + k] ?? 0) -
        c * (factor[u2 + k] ?? 0) -
        d * (factor[u3 + k] ?? 0);
    }
  }
}
