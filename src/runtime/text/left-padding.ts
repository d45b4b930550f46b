// Rows of unequal lengths as one matrix, padded on the left: then every row's last token is in the
// last column, and a model computes outputs for that column alone.

export interface LeftPadded {
  /** Columns. */
  readonly length: number;
  readonly ids: BigInt64Array; // [rows, length]
}

/** Rows of ids side by side. The padding's id has no meaning: the mask leaves it out. */
export function leftPadded(rows: readonly (readonly number[])[], padId: number): LeftPadded {
  const length = Math.max(...rows.map((row) => row.length));
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padId));
  for (const [index, row] of rows.entries()) {
    ids.set(row.map(BigInt), (index + 1) * length - row.length);
  }
  return { length, ids };
}

/** The mask of rows that have their tokens in the last of so many columns. */
export function leftMask(counts: readonly number[], length: number): BigInt64Array {
  const mask = new BigInt64Array(counts.length * length);
  for (const [index, count] of counts.entries()) {
    mask.fill(1n, (index + 1) * length - count, (index + 1) * length);
  }
  return mask; // [rows, length]
}

/** Consecutive rows that are run together: so many that no matrix is larger than this. */
const mostPadded = 8192;

/** Divides rows into batches, in order. */
export function batchesOf<T>(
  rows: readonly T[],
  lengthOf: (row: T) => number,
  most: number = mostPadded,
): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let longest = 0;
  for (const row of rows) {
    const batch = batches.at(-1);
    longest = Math.max(longest, lengthOf(row));
    if (batch !== undefined && (batch.length + 1) * longest <= most) {
      batch.push(row);
    } else {
      batches.push([row]);
      longest = lengthOf(row);
    }
  }
  return batches;
}
