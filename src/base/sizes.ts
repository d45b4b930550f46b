// Numbers for people.

const units = ['kB', 'MB', 'GB', 'TB'];

/** `599 MB`, `1.3 kB`, `12 B`: powers of ten, as disks and the Hub count. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${unit !== 'B' && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** `1,234,567` */
export function formatCount(count: number): string {
  return count.toString().replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A measured figure: `0.0503`, `4.81e-4`. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return 'not finite';
  if (value === 0) return '0';
  const size = Math.abs(value);
  // as they are rounded: 0.0009996 is 0.00100
  return size < 0.000_999_5 || size >= 99_950 ? value.toExponential(2) : value.toPrecision(3);
}
