// What a verification says of itself, for people and for scripts.

import { printReport } from '../validate/report-text.ts';
import type { Verified } from '../verify.ts';

/** A table for each model. */
export function verifiedText({ files }: Verified): string {
  return files.map(({ file, report }) => `${file}\n${printReport(report)}\n`).join('');
}

/** The reports for a document. */
export function reportsOf({ files }: Verified): readonly object[] {
  return files.map(({ file, report }) => ({ file, ...report }));
}
