// A folder and what is in it, for tests that look at what a run left behind.

import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is deleted when the test ends. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * Path → text of every file in a folder, sorted; an empty folder is a path with a slash, a link
 * says where it leads, and of what is neither only the path is given.
 */
export function treeOf(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const lines = entries.flatMap((entry): [string, string][] => {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) return [[relative(folder, path), `→ ${readlinkSync(path)}`]];
    if (entry.isFile()) return [[relative(folder, path), readFileSync(path, 'latin1')]];
    if (!entry.isDirectory()) return [[relative(folder, path), '']];
    return readdirSync(path).length === 0 ? [[`${relative(folder, path)}/`, '']] : [];
  });
  return Object.fromEntries(lines.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
