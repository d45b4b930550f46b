// Disks that are full or read-only, made of memory. Mounting takes root on Linux.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';

/** Mounts an empty disk for the test, or skips the test where that is not allowed. */
export function mountDisk(context: TestContext, options: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'modernbert-onnx-disk-'));
  const path = join(folder, 'disk');
  mkdirSync(path);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    context.skip('mounting a disk takes root on Linux');
  }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
  } catch (error) {
    context.skip(`no disk can be mounted here: ${String(error)}`);
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', path]));
  return path;
}

/** Makes a mounted disk read-only. */
export function makeReadOnly(path: string): void {
  execFileSync('mount', ['-o', 'remount,ro', path]);
}

/** Does the work as a user without rights; skips the test where there is no other user to be. */
export async function asNobody<T>(context: TestContext, work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0 || process.seteuid === undefined) {
    context.skip('becoming another user takes root');
  }
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
