// The rows of the table of network faults, and what became of each; printed when a file's tests end.

import { afterAll } from 'vitest';

export interface Rows {
  /** Counts a case of a row that ended as it must. */
  readonly passed: (row: string, result: string) => void;
}

/** A table that is printed after the tests of a file. */
export function faultRows(title: string): Rows {
  const rows = new Map<string, Map<string, number>>();
  afterAll(() => {
    const sorted = [...rows].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    const lines = sorted.map(([row, results]) => {
      const cases = [...results].map(([result, count]) => `${result} ×${count}`);
      return `  ${row.padEnd(4)} ${cases.join(', ')}`;
    });
    process.stdout.write(`${title}\n${lines.join('\n')}\n`);
  });
  return {
    passed: (row, result) => {
      const results = rows.get(row) ?? new Map<string, number>();
      results.set(result, (results.get(result) ?? 0) + 1);
      rows.set(row, results);
    },
  };
}
