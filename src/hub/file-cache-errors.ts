// What the operating system says when the cache cannot be written, as errors of the toolkit.

import { ToolkitError, type ErrorContext } from '../base/errors.ts';
import { errnoOf, writeError } from '../onnx/file-errors.ts';

const refusals: ReadonlySet<string> = new Set([
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'EEXIST',
  'ENOENT',
  'ELOOP',
  'ENAMETOOLONG',
]);

/** Why a file cannot be put into the cache; errors that are no system call's pass through. */
export function cacheError(cause: unknown, cache: string): unknown {
  const code = errnoOf(cause);
  if (cause instanceof ToolkitError || code === undefined) return cause;
  if (code === 'ENOSPC') return cacheFull({ cache }, cause);
  if (!refusals.has(code)) return writeError(cause, { cache });
  return new ToolkitError('OUTPUT_CREATE', 'the cache of the Hub may not be written', {
    where: { cache, error: code },
    fix: 'set HF_HUB_CACHE to a folder that may be',
    cause,
  });
}

/** The cache's disk cannot take what is to be fetched. */
export function cacheFull(where: ErrorContext, cause?: unknown): ToolkitError {
  return new ToolkitError('DISK_FULL', 'the disk of the cache has no room for the checkpoint', {
    where,
    fix: 'free some space, or set HF_HUB_CACHE to a folder on another disk, and run again',
    cause,
  });
}
