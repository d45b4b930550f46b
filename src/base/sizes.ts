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
