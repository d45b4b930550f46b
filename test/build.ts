// Builds dist once before the tests, when a source is newer: tests that kill a process, or that
// start the command, run what a user runs.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** What the build writes last, and only where there are no errors. */
const stamp = join(root, 'dist/src/onnx/generated/onnx.js');

export default function build(): void {
  const sources = ['src', 'ops', 'bin'].flatMap((folder) => timesIn(join(root, folder)));
  if (existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...sources)) return;
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // code is emitted all the same, and the type check is a step of its own
  if (status !== 0) process.stderr.write(`The build has errors:\n${stdout}`);
}

/** When the files of a folder were changed, in milliseconds. */
function timesIn(folder: string): readonly number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs);
}
