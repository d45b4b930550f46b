// How much room a disk has left.

import { statfs } from 'node:fs/promises';

/** Free bytes on the disk of a path; undefined where it does not tell, as some over a network. */
export async function freeBytes(path: string): Promise<number | undefined> {
  const { bavail, bsize, blocks } = await statfs(path);
  return blocks === 0 ? undefined : bavail * bsize;
}
