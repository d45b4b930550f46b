// Processes timed from start to end, with their peak memory.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where checkpoints are kept from one run to the next. */
export const benchFolder = join(tmpdir(), 'modernbert-onnx-bench');

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));

export const cli = pathOf('../dist/bin/modernbert-onnx.js');

/**
 * Runs a script of Node's in a process of its own: `{seconds, megabytes, noted, output}`, with the peak of
 * its memory, and what the peak was at each note that it printed.
 */
export async function runNode(...command) {
  const scratch = await mkdtemp(join(tmpdir(), 'peak-'));
  const peakFile = join(scratch, 'peak');
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', pathOf('./peak.mjs'), ...command], {
    env: { ...process.env, PEAK_FILE: peakFile },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`);
  const peaks = readFileSync(peakFile, 'utf8').split(' ');
  const [megabytes, ...noted] = peaks.map((kilobytes) => Number(kilobytes) / 1000);
  await rm(scratch, { recursive: true });
  return { seconds, megabytes, noted, output };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Prints rows, the first of them the heads, as a Markdown table. */
export function printTable(rows) {
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  console.log([head, `|${rows[0].map(() => '---').join('|')}|`, ...body].join('\n'));
}

export function machine() {
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`;
}
