// Files that a verification writes: its figures in the manifest, and a JUnit report.

import { open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { manifestName, printManifest, withVerifications, type Manifest } from '../base/manifest.ts';
import { createError, errnoOf, writeError } from '../onnx/file-errors.ts';
import { toJUnit } from '../validate/junit.ts';
import { tool } from '../base/version.ts';
import type { Verified } from '../verify.ts';
import { failureOf } from './failure.ts';
import type { Context } from './command.ts';

/** Adds figures to the manifest of a folder. One that cannot be written is warned about. */
export async function record(
  folder: string,
  manifest: Manifest,
  { verifications }: Verified,
  { messages, interrupts }: Context,
): Promise<void> {
  // one name: what an interrupted run leaves, the next one takes over
  const draft = join(folder, `.${manifestName}.partial`);
  const release = interrupts.guard(() => rm(draft, { force: true }));
  try {
    const file = await open(draft, 'w');
    try {
      await file.writeFile(printManifest(withVerifications(manifest, verifications)));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(folder, manifestName));
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const { message } = failureOf(createError(error, { file: manifestName }));
    messages.warn(`the figures are not recorded: ${message}; --no-record leaves them out`);
  } finally {
    release();
  }
}

/** Writes reports as JUnit XML. */
export async function writeJUnit(path: string, { files }: Verified): Promise<void> {
  try {
    await writeFile(path, toJUnit(files, tool.version));
  } catch (cause) {
    const error = errnoOf(cause) ?? '';
    if (!uncreatable.has(error)) throw writeError(cause, { file: path });
    throw new ToolkitError('OUTPUT_CREATE', 'the JUnit report cannot be created', {
      where: { file: path, error },
      fix: 'give the path of a file in a folder that is there and may be written',
      cause,
    });
  }
}

const uncreatable: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EACCES',
  'EPERM',
  'EROFS',
]);
