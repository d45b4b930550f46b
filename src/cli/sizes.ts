// Numbers for people, and tables of them on a terminal.

export { formatBytes, formatCount, formatFigure } from '../base/sizes.ts';

/** Rows in columns: the first aligned left, the others right. */
export function formatTable(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const lines = rows.map((row) =>
    row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    ),
  );
  return lines.map((cells) => `${indent}${cells.join('  ').trimEnd()}\n`).join('');
}
