// The place where an output folder goes: what is there, and what must be made first. Everything
// that can be known to fail is found here, before any work is done.

import { lstat, mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { createError, errnoOf } from './file-errors.ts';

/** The absolute path of an output folder, fit to be replaced by another folder. */
export function targetPath(target: string): string {
  const path = resolve(target);
  if (basename(path) === '' || holds(path, process.cwd())) {
    throw refuse(
      target,
      'the output folder would replace the current folder or one above it',
      'name a folder inside it',
    );
  }
  return path;
}

/** Whether a folder is another one, or has it somewhere inside; both paths are absolute. */
export function holds(folder: string, other: string): boolean {
  const inside = relative(folder, other);
  // absolute: on another drive of Windows
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

/** Makes the folders above the target. Returns those that it made, outermost first. */
export async function makeParents(target: string): Promise<readonly string[]> {
  const made: string[] = [];
  try {
    for (const path of await missingParents(target)) {
      if (await makeFolder(path)) made.push(path);
    }
    return made;
  } catch (error) {
    await removeParents(made);
    throw createError(error, { output: target });
  }
}

async function missingParents(target: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let path = dirname(target); !(await exists(path)); path = dirname(path)) {
    missing.unshift(path);
  }
  return missing;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Makes a folder; false when it is there. Node's own making of several at once reports a full or
 * read-only disk as a path that is not there.
 */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return false;
    throw error;
  }
}

/** Removes folders that were made, as far as they are empty. */
export async function removeParents(made: readonly string[]): Promise<void> {
  for (const path of made.toReversed()) {
    try {
      await rmdir(path);
    } catch {
      return;
    }
  }
}

/** What lies at the target: nothing, an empty folder, or one with files. Anything else is refused. */
export async function inspectTarget(target: string): Promise<'absent' | 'empty' | 'full'> {
  try {
    const found = await lstat(target);
    if (found.isSymbolicLink()) {
      throw refuse(target, 'the output folder is a link', 'give the folder it leads to');
    }
    if (!found.isDirectory()) throw refuse(target, 'the output folder is a file', 'give a folder');
    if (found.dev !== (await stat(dirname(target))).dev) {
      throw refuse(target, 'the output folder is a mount point', 'give a folder inside it');
    }
    return (await readdir(target)).length === 0 ? 'empty' : 'full';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent'; // or a folder above it is
    throw createError(error, { output: target });
  }
}

/** Why a folder with files is left as it is. */
export function existsError(target: string): ToolkitError {
  return new ToolkitError('OUTPUT_EXISTS', 'the output folder is not empty', {
    where: { output: target },
    fix: 'choose another folder, or replace this one with --force',
  });
}

function refuse(output: string, rule: string, fix: string): ToolkitError {
  return new ToolkitError('OUTPUT_CREATE', rule, { where: { output }, fix });
}
