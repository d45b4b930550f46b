// Unfinished files beside the cache's blobs. Each is written by one process, whose id it bears; the
// blob appears under its hash when all bytes are right. What a killed process left is taken over by
// renaming it, so two processes never write one file.

import { randomBytes } from 'node:crypto';
import { link, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startedBefore } from '../onnx/file-process.ts';
import type { HubFile } from './listing.ts';

/** Whether the blob of a file is there in its whole size. */
export async function hasBlob(blobs: string, { hash, size }: HubFile): Promise<boolean> {
  return (await stat(join(blobs, hash)).catch(() => undefined))?.size === size;
}

/** Bytes that a fetch of the file adds to the disk: those that lie there unfinished it takes over. */
export async function missingBytes(blobs: string, file: HubFile): Promise<number> {
  if (await hasBlob(blobs, file)) return 0;
  let most = 0;
  for (const name of await readdir(blobs)) {
    if (ownerOf(name, file.hash) === undefined) continue;
    const left = await stat(join(blobs, name)).catch(() => undefined);
    most = Math.max(most, left?.size ?? 0);
  }
  return Math.max(0, file.size - most);
}

/** Gives a blob its name, unless another process was first: somebody may be reading that one. */
export async function publish(path: string, blobs: string, file: HubFile): Promise<void> {
  const blob = join(blobs, file.hash);
  // a link does not replace what is there; where there are no links, a rename is all there is
  await link(path, blob).catch(async () => {
    if (!(await hasBlob(blobs, file))) await rename(path, blob);
  });
  await rm(path, { force: true });
}

/** The process that began an unfinished file of this hash. */
function ownerOf(name: string, hash: string): number | undefined {
  const owner = /^[0-9a-f]+\.(\d+)-[0-9a-f]+\.incomplete$/.exec(name)?.[1];
  return owner !== undefined && name.startsWith(`${hash}.`) ? Number(owner) : undefined;
}

/** The path to write to: that of bytes left by a process that is gone, or of a file to begin. */
export async function claim(blobs: string, hash: string, resumes: boolean): Promise<string> {
  const own = join(blobs, `${hash}.${process.pid}-${randomBytes(4).toString('hex')}.incomplete`);
  if (!resumes) return own;
  for (const name of await readdir(blobs)) {
    const owner = ownerOf(name, hash);
    if (owner === undefined) continue;
    const left = join(blobs, name);
    const stats = await stat(left).catch(() => undefined);
    if (stats === undefined || stats.size === 0) continue;
    // an own one belongs to a fetch of this process that failed, or that goes on
    if (owner === process.pid && Date.now() - stats.mtimeMs < 60_000) continue;
    // the last change: a renamed file is older than the process that took it over
    if (owner !== process.pid && (await startedBefore(owner, stats.ctimeMs))) continue;
    const taken = await rename(left, own).then(
      () => true,
      () => false,
    );
    if (taken) return own;
  }
  return own;
}
