/** Holds a caller to the bytes there are: a range outside them is a bug, not a short read. */
export function checkRange(start: number, end: number, size: number, what: string): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end) {
    throw new RangeError(`${what}: ${start} to ${end} is no range`);
  }
  if (end > size) throw new RangeError(`${what}: ${start} to ${end} reaches beyond ${size} bytes`);
}
