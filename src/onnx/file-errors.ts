// What the operating system says when a file cannot be written, as errors of the toolkit.

import { ToolkitError, type ErrorContext } from '../base/errors.ts';

const sentences: Readonly<Record<string, readonly [rule: string, fix: string]>> = {
  EROFS: ['the output folder lies on a read-only file system', 'choose another folder'],
  EACCES: ['the output folder may not be written', 'choose another folder or ask for permission'],
  EPERM: ['the output folder may not be written', 'choose another folder or ask for permission'],
  ENOTDIR: ['a part of the output path is a file', 'choose another folder'],
  EEXIST: ['a part of the output path is a file', 'choose another folder'],
  ENOTEMPTY: ['the output folder was filled by another program', 'choose another folder'],
  ENOENT: ['the output folder cannot be made', 'choose another folder'],
  ELOOP: ['the output path leads in a circle of links', 'choose another folder'],
  ENAMETOOLONG: ["the output folder's name is too long", 'choose a shorter one'],
  EBUSY: ['the output folder is in use, or a mount point', 'choose a folder inside it'],
  EXDEV: ['the output folder is a mount point', 'choose a folder inside it'],
};

/** The system's code of a failed call: `ENOSPC`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Why an output folder cannot be made or put in its place. */
export function createError(cause: unknown, where: ErrorContext): unknown {
  const code = errnoOf(cause);
  const sentence = code === undefined ? undefined : sentences[code];
  if (sentence === undefined) return writeError(cause, where);
  const [rule, fix] = sentence;
  return new ToolkitError('OUTPUT_CREATE', rule, { where, fix, cause });
}

/** Why bytes could not be written; errors that are no system call's pass through. */
export function writeError(cause: unknown, where: ErrorContext): unknown {
  const code = errnoOf(cause);
  if (cause instanceof ToolkitError || code === undefined) return cause;
  if (code === 'ENOSPC') {
    return new ToolkitError('DISK_FULL', 'the disk is full', {
      where,
      fix: 'free some space, or choose a folder on another disk',
      cause,
    });
  }
  return new ToolkitError('IO_FAILED', 'writing failed', {
    where: { ...where, error: code },
    fix: writeFixes[code] ?? 'check the disk, and run again',
    cause,
  });
}

const writeFixes: Readonly<Record<string, string>> = {
  EFBIG: 'raise the limit on file sizes (ulimit -f), or choose another disk',
  EDQUOT: 'free some of your quota, or choose another disk',
  EMFILE: 'raise the limit on open files (ulimit -n)',
  ENFILE: 'raise the limit on open files (ulimit -n)',
};
