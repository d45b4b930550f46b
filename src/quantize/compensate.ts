// Rounding with compensation (GPTQ): the columns of a weight are rounded one after the other, and
// the error of each is taken off the columns that are not rounded yet, as the inputs that a product
// sees make best. A row of a weight is rounded by itself, so any cut of the rows gives the same.
//
// A block's scale is chosen when its turn comes, so it suits the errors that were put on its
// columns, and by the loss that the whole procedure has within the block, not by the distance alone.

import type { BlockScheme } from '../ir/graph.ts';
import { compensationKernels } from '../simd/kernels.ts';
import { blockRoom, roundBlock } from './block-rounder.ts';
import { createFitter, type Fit, type Fitter } from './fit.ts';

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

/** Rows in work at a time: the factor comes by once for all of them. */
const rowsAtOnce = 64;

/** Rounds rows `from` to `to` of a weight. */
export function compensate(job: Compensation, from: number, to: number): void {
  for (let row = from; row < to; row += rowsAtOnce) {
    roundRows(job, row, Math.min(rowsAtOnce, to - row));
  }
}

/** Where things lie in the kernels' memory, in bytes. */
interface Layout {
  /** Bytes of a row, with room for what is taken off eight columns at a time. */
  readonly stride: number;
  /** Of the block in work, each row's errors. */
  readonly errors: number; // doubles [rows, blockSize]
  /** What the block's errors are multiplied by, columns behind it. */
  readonly panel: number; // doubles [blockSize, columns]
  readonly block: number;
}

/** Rounds some rows, block by block. */
function roundRows(job: Compensation, first: number, rows: number): void {
  const {
    scheme: { blockSize },
    columns,
    weights,
  } = job;
  const stride = 8 * (columns + 8);
  const evenRows = 2 * Math.ceil(rows / 2);
  const errors = evenRows * stride;
  const panel = errors + 8 * evenRows * blockSize;
  const block = panel + blockSize * stride;
  const memory = compensationKernels().room(block + 8 * blockSize ** 2 + blockRoom(blockSize));
  for (let r = 0; r < rows; r++) {
    const at = (first + r) * columns;
    new Float64Array(memory, r * stride, columns).set(weights.subarray(at, at + columns));
  }
  const fitted = createFitter(job.scheme);
  for (let column = 0; column < columns; column += blockSize) {
    const length = Math.min(blockSize, columns - column);
    const part = { first, rows, column, length };
    roundBlocks(job, part, { stride, errors, panel, block }, fitted);
    spread(job, part, { stride, errors, panel, block });
  }
}

/** A block of some rows. */
interface Part {
  readonly first: number;
  readonly rows: number;
  /** The block's first. */
  readonly column: number;
  /** Columns of the block. */
  readonly length: number;
}

function roundBlocks(
  job: Compensation,
  { first, rows, column, length }: Part,
  { stride, errors, block }: Layout,
  fitted: Fitter,
): void {
  const { scheme, columns } = job;
  const memory = compensationKernels().room(0);
  const flows = putFactor(job, column, new Float64Array(memory, block, length ** 2));
  const fits = block + 8 * length ** 2;
  const codesAt = fits + 128;
  const errorsAt = codesAt + 32 * length;
  const place = { factor: block, fits, codes: codesAt, errors: errorsAt, length };
  const values = new Float32Array(rows * length);
  for (let r = 0; r < rows; r++) {
    const row = new Float64Array(memory, r * stride + 8 * column, length);
    values.set(row, r * length);
  }
  const found = fitted(values, length).slice(); // the next fit writes over it
  const tried = new Float64Array(memory, codesAt, 4 * length);
  const lost = new Float64Array(memory, errorsAt, 4 * length);
  const own = new Float64Array(memory, errors, rows * length);
  for (let r = 0; r < rows; r++) {
    const exact = { scale: found[2 * r] ?? 0, zero: found[2 * r + 1] ?? 0 };
    const fit = roundBlock(r * stride + 8 * column, exact, scheme, flows, place);
    for (let i = 0; i < length; i++) own[r * length + i] = lost[4 * i] ?? 0;
    keep(
      job,
      { row: first + r, column, blocks: Math.ceil(columns / scheme.blockSize) },
      tried,
      fit,
    );
  }
}

/** Puts a block's part of the factor, [length, length]; returns whether errors flow within it. */
function putFactor({ factor, columns }: Compensation, column: number, out: Float64Array): boolean {
  const length = Math.sqrt(out.length);
  for (let i = 0; i < length; i++) {
    const at = (column + i) * columns + column;
    out.set(factor.subarray(at, at + length), i * length);
  }
  return out.some((value, i) => value !== 0 && i % (length + 1) !== 0);
}

interface Spot {
  readonly row: number;
  /** The block's first. */
  readonly column: number;
  /** Of a row. */
  readonly blocks: number;
}

/** Keeps a block: `tried` has its codes, counted from the zero point, at every fourth place. */
function keep(
  { scheme: { blockSize }, columns, weights, codes, scales, zeros }: Compensation,
  { row, column, blocks }: Spot,
  tried: Float64Array,
  { scale, zero }: Fit,
): void {
  const at = row * blocks + column / blockSize;
  scales[at] = scale;
  zeros[at] = zero;
  codes.fill(zero, at * blockSize, (at + 1) * blockSize);
  const first = row * columns + column;
  for (let i = 0; 4 * i < tried.length; i++) {
    const code = tried[4 * i] ?? 0;
    codes[at * blockSize + i] = code + zero;
    weights[first + i] = code * scale;
  }
}

/** Takes the errors of a block off the columns behind it. */
function spread(
  { factor, columns }: Compensation,
  { rows, column, length }: Part,
  { stride, errors, panel }: Layout,
): void {
  const end = column + length;
  if (end === columns) return;
  const { room, spread: take } = compensationKernels();
  const width = 8 * Math.ceil((columns - end) / 8);
  const floats = new Float64Array(room(0), panel, length * width);
  for (let i = 0; i < length; i++) {
    const at = (column + i) * columns;
    floats.set(factor.subarray(at + end, at + columns), i * width);
    floats.fill(0, i * width + columns - end, (i + 1) * width);
  }
  take(errors, 2 * Math.ceil(rows / 2), length, panel, 8 * width, width, 8 * end, stride);
}
