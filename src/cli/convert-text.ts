// What a conversion says of itself on stdout.

import { printable } from '../base/errors.ts';
import type { Manifest } from '../base/manifest.ts';
import type { Plan } from '../convert.ts';
import { choicesText } from './choice-text.ts';
import { wrap } from './description.ts';
import { formatBytes, formatCount, formatTable } from './sizes.ts';

/** The files a conversion wrote. */
export function conversionText(manifest: Manifest, name: string, folder: string): string {
  const { task, target, outputs, weights } = manifest;
  const parameters = formatCount(weights.parameters);
  return [
    `Converted ${printable(name)} (${task}, ${parameters} parameters) for ${target} to ${printable(folder)}\n`,
    fileTable(outputs),
    choicesText(manifest.quantization),
  ].join('');
}

/** The files a conversion would write, and what it would take. */
export function planText(plan: Plan, name: string, folder: string, memory: number): string {
  const { files, nodes, task, target } = plan;
  const ops = Object.entries(nodes.byOp).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return [
    `Would convert ${printable(name)} (${task}) for ${target} to ${printable(folder)}\n`,
    fileTable(files),
    `${formatBytes(total)} in ${files.length} files and a manifest, `,
    `at most about ${formatBytes(memory)} of memory\n`,
    choicesText(plan),
    `${nodes.total} nodes, ${nodes.perLayer} in a decoder layer:\n`,
    ...wrap(ops.map(([op, count]) => `${count} ${op}`)).map((line) => `  ${line}\n`),
  ].join('');
}

function fileTable(files: readonly { readonly path: string; readonly size: number }[]): string {
  return formatTable(files.map(({ path, size }) => [path, formatBytes(size)]));
}

/** How a conversion ends whose models are not what they were held against. */
export const driftedText =
  'Nothing was written. Convert without --verify to keep the models and look into them.';
