// Files that commands write besides models: figures in the manifest, a JUnit report, a page.

import {
  access,
  constants,
  lstat,
  open,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { manifestName, printManifest, type Manifest } from '../base/manifest.ts';
import { createError, errnoOf, writeError } from '../onnx/file-errors.ts';
import { readToken } from '../hub/file-settings.ts';
import { createRedactor } from '../hub/redact.ts';
import { toJUnit } from '../validate/junit.ts';
import { tool } from '../base/version.ts';
import type { Verified } from '../verify.ts';
import { failureOf } from './failure.ts';
import type { Context } from './command.ts';
import type { Interrupts } from './signals.ts';

/** Replaces a folder's manifest by one with more figures. One that cannot be written is warned about. */
export async function record(
  folder: string,
  manifest: Manifest,
  { messages, interrupts }: Context,
): Promise<void> {
  try {
    await replaceFile(join(folder, manifestName), printManifest(manifest), interrupts);
  } catch (error) {
    const { message } = failureOf(createError(error, { file: manifestName }));
    messages.warn(`the figures are not recorded: ${message}; --no-record leaves them out`);
  }
}

/** Writes reports as JUnit XML; a file that is there is replaced whole or not at all. */
export async function writeJUnit(
  path: string,
  { files }: Verified,
  interrupts: Interrupts,
): Promise<void> {
  try {
    const redact = createRedactor([readToken(process.env)]);
    await writeReport(path, redact(toJUnit(files, tool.version)), interrupts);
  } catch (cause) {
    throw reportError(cause, path, noReport.junit);
  }
}

const noReport = {
  junit: 'the JUnit report cannot be created',
  page: 'the page cannot be created',
} as const;

/** Fails where no report can be written, before hours are spent on what it shows. */
export async function checkReportPlace(kind: keyof typeof noReport, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  // a device or a pipe takes a report, but is not replaced by a page
  if (found && (kind === 'page' ? !found.isFile() : found.isDirectory())) {
    throw placeError(path, noReport[kind], 'EEXIST');
  }
  try {
    // a file is renamed into its place, a device or a pipe is written into
    const inPlace = found !== undefined && !found.isFile();
    await access(inPlace ? path : dirname(await placeOf(path)), constants.W_OK);
  } catch (cause) {
    throw reportError(cause, path, noReport[kind]);
  }
}

/** Writes a page; one that is there is replaced whole or not at all. */
export async function writePage(path: string, page: string, interrupts: Interrupts): Promise<void> {
  try {
    await writeReport(path, page, interrupts);
  } catch (cause) {
    throw reportError(cause, path, noReport.page);
  }
}

async function writeReport(path: string, text: string, interrupts: Interrupts): Promise<void> {
  const place = await placeOf(path);
  const found = await lstat(place).catch(() => undefined);
  if (found === undefined || found.isFile()) {
    await replaceFile(place, new TextEncoder().encode(text), interrupts);
  } else {
    await writeFile(path, text);
  }
}

/** Where a link leads: the link stays, as `/dev/stdout` is one. */
async function placeOf(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() === true ? await realpath(path).catch(() => path) : path;
}

/** Writes a file; one that is there is replaced whole or not at all. */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  interrupts: Interrupts,
): Promise<void> {
  // one name: what an interrupted run leaves, the next one takes over
  const draft = join(dirname(path), `.${basename(path)}.partial`);
  const release = interrupts.guard(() => rm(draft, { force: true }));
  try {
    const file = await open(draft, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    release();
  }
}

function reportError(cause: unknown, path: string, rule: string): unknown {
  const error = errnoOf(cause) ?? '';
  return uncreatable.has(error)
    ? placeError(path, rule, error, cause)
    : writeError(cause, { file: path });
}

function placeError(path: string, rule: string, error: string, cause?: unknown): ToolkitError {
  return new ToolkitError('OUTPUT_CREATE', rule, {
    where: { file: path, error },
    fix: 'give the path of a file in a folder that is there and may be written',
    cause,
  });
}

const uncreatable: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EACCES',
  'EPERM',
  'EROFS',
]);
