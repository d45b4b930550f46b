// The loop that makes codes, scales and zero points of rows. Any rows can be done by anyone: all of
// it lies in memory that is passed, and a block depends on its own weights only.

import { fromHalf, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { codeOf, createFitter } from './fit.ts';

/** Rows, and what becomes of them in the layout of MatMulNBits. */
export interface BlockJob {
  readonly scheme: BlockScheme;
  readonly columns: number;
  readonly weights: Float32Array; // [rows, columns]
  readonly codes: Uint8Array; // [rows, blocks, bytes of a block]
  /** Exact halves; not finite where half precision cannot hold one. */
  readonly scales: Float32Array; // [rows, blocks]
  /** One a byte. */
  readonly zeros: Uint8Array; // [rows, blocks]
}

/** Weights whose fits are looked for at a time. */
const weightsAtOnce = 2 ** 18;

/** Rounds the rows `from` to `to`. */
export function roundRows(job: BlockJob, from: number, to: number): void {
  const { scheme, columns, weights } = job;
  const fit = createFitter(scheme);
  const step = Math.max(1, Math.floor(weightsAtOnce / columns));
  for (let row = from; row < to; row += step) {
    const end = Math.min(row + step, to);
    codeRows(job, row, end, fit(weights.subarray(row * columns, end * columns), columns));
  }
}

/** Gives rows their codes by the fits of their blocks. */
function codeRows(job: BlockJob, from: number, to: number, fits: Float64Array): void {
  const { scheme, columns, weights, codes, scales, zeros } = job;
  const { bits, blockSize } = scheme;
  const put = bits === 8 ? putBytes : putNibbles;
  const bytes = (blockSize * bits) / 8;
  const first = from * Math.ceil(columns / blockSize);
  let block = first;
  for (let row = from; row < to; row++) {
    const end = (row + 1) * columns;
    for (let start = row * columns; start < end; start += blockSize, block++) {
      const stop = Math.min(start + blockSize, end);
      const scale = fromHalf(toHalf(fits[2 * (block - first)] ?? 0));
      const zero = fits[2 * (block - first) + 1] ?? 0;
      scales[block] = scale === 0 && !isFinite(weights, start, stop) ? Number.NaN : scale;
      zeros[block] = zero;
      const coding = { inverse: scale === 0 ? 0 : 1 / scale, zero, from: start, to: stop };
      put(weights, coding, scheme, codes, block * bytes);
    }
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
