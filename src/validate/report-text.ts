// A report as a table for people: a row for each prompt, and the verdict in the last line.

import { printable } from '../base/errors.ts';
import type { Check } from './gates.ts';
import { sumTop1 } from './gates.ts';
import { worstOf, type PromptReport, type VerifyReport } from './report.ts';

const header = [
  'prompt',
  'tokens',
  'worst stage',
  'difference',
  'KL',
  'top-1',
  'greedy',
  'verdict',
];

/** Columns of words stand left, of figures right. */
const leftAligned: ReadonlySet<string> = new Set(['prompt', 'worst stage', 'verdict']);

/** The table, failures and near ties, and a line with the verdict and the worst figure. */
export function printReport(report: VerifyReport): string {
  const lines = table([header, ...report.prompts.map(cells)]);
  const notes = report.checks.filter(({ status }) => status !== 'pass').map(note);
  return [...lines, ...notes, verdictLine(report)].map((line) => `${line}\n`).join('');
}

function cells({ name, tokens, stages, greedy, verdict }: PromptReport): readonly string[] {
  const { stage, metrics } = worstOf(stages);
  const kls = stages.flatMap(({ metrics: { kl } }) => (kl === undefined ? [] : [kl.mean]));
  const choices = stages.flatMap(({ metrics: { top1 } }) => (top1 === undefined ? [] : [top1]));
  const { agreed, decided } = sumTop1(choices);
  const tie = greedy?.ends.some(({ nearTie }) => nearTie) ? ' ~' : '';
  return [
    printable(name),
    String(tokens),
    stage,
    figure(metrics.maxDifference),
    kls.length === 0 ? '-' : figure(Math.max(...kls)),
    decided === 0 ? '-' : share(agreed, decided),
    greedy === undefined ? '-' : `${greedy.agreed}/${greedy.compared}${tie}`,
    verdict,
  ];
}

function note({ status, prompt, stage, metric, value, threshold, where }: Check): string {
  const limit = threshold === undefined ? '' : ` against ${figure(threshold)}`;
  return `${status}: ${printable(prompt)} ${stage}: ${metric} ${figure(value)}${limit} (${where})`;
}

function verdictLine({ verdict, worst, runtime, dtype }: VerifyReport): string {
  const { maxDifference, scale } = worst.metrics;
  return (
    `${verdict}: ${dtype} on ${runtime}, worst difference ${figure(maxDifference)}` +
    ` (${figure(maxDifference / scale)} of the largest value)` +
    ` at ${printable(worst.prompt)} ${worst.stage}`
  );
}

/** `3.1e-5`, and 0 as 0. */
export function figure(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return value >= 0.01 && value < 10_000
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(1);
}

/** Never rounded up to all. */
function share(agreed: number, decided: number): string {
  return `${Math.floor((1000 * agreed) / decided) / 10} %`;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = header.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    header
      .map((title, column) => {
        const width = widths[column] ?? 0;
        const text = row[column] ?? '';
        return leftAligned.has(title) ? text.padEnd(width) : text.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
