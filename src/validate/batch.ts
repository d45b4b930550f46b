// Rows side by side in one input: as a golden has them, or padded anew.

import type { GoldenPrompt, Row } from './prompt.ts';
import { rowsOf } from './prompt.ts';

/** Rows, and where their tokens stand. */
export interface Layout {
  readonly rows: readonly Row[];
  /** Column of every row's first real token. */
  readonly starts: readonly number[];
  /** Real tokens of every row in the columns so far. */
  readonly counts: readonly number[];
}

export interface Batch extends Layout {
  /** Columns. */
  readonly length: number;
  readonly ids: BigInt64Array; // [rows, length]
  readonly mask: BigInt64Array; // [rows, length]
}

export type Side = 'left' | 'right';

/** A golden's prompt as it was recorded. */
export function asRecorded(prompt: GoldenPrompt): Batch {
  const rows = rowsOf(prompt);
  return {
    rows,
    starts: rows.map(({ start }) => start),
    counts: rows.map((row) => row.ids.length),
    length: prompt.inputIds.shape[1] ?? 0,
    ids: prompt.inputIds.data,
    mask: prompt.attentionMask.data,
  };
}

/** Rows without their last `cut` tokens, padded to one length. */
export function padded(rows: readonly Row[], side: Side, padId: number, cut: number): Batch {
  const counts = rows.map((row) => row.ids.length - cut);
  const length = Math.max(...counts);
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padId));
  const mask = new BigInt64Array(rows.length * length);
  const starts = rows.map((row, index) => {
    const count = counts[index] ?? 0;
    const start = side === 'left' ? length - count : 0;
    const at = index * length + start;
    ids.set(row.ids.slice(0, count), at);
    mask.fill(1n, at, at + count);
    return start;
  });
  return { rows, starts, counts, length, ids, mask };
}

/** Columns `from` to `to` of a matrix with `length` columns. */
export function columns(
  matrix: BigInt64Array,
  length: number,
  from: number,
  to: number,
): BigInt64Array {
  const rows = matrix.length / length;
  const cut = new BigInt64Array(rows * (to - from));
  for (let row = 0; row < rows; row++) {
    cut.set(matrix.subarray(row * length + from, row * length + to), row * (to - from));
  }
  return cut;
}

/** A matrix with one more column. */
export function withColumn(matrix: BigInt64Array, column: readonly bigint[]): BigInt64Array {
  const length = matrix.length / column.length;
  const wider = new BigInt64Array(matrix.length + column.length);
  for (const [row, value] of column.entries()) {
    wider.set(matrix.subarray(row * length, (row + 1) * length), row * (length + 1));
    wider[row * (length + 1) + length] = value;
  }
  return wider;
}
