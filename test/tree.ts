// A folder and what is in it, for tests that look at what a run left behind.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is deleted when the test ends. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Path → text of every file in a folder, sorted; an empty folder is a path with a slash. */
export function treeOf(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const lines = entries.flatMap((entry): [string, string][] => {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory()) return [[relative(folder, path), readFileSync(path, 'latin1')]];
    return readdirSync(path).length === 0 ? [[`${relative(folder, path)}/`, '']] : [];
  });
  return Object.fromEntries(lines.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
