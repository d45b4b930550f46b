// Which files a commit holds already, by what the Hub says of their bytes: sha256 of large files,
// git's own hash of small ones.

import { joined } from '../base/joined.ts';
import { findFiles, type HubFile } from './listing.ts';
import type { Hub } from './request.ts';

/** A file that is published. */
export interface PushedFile {
  /** In the repository, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
  readonly content: Blob;
}

/** The files that a commit does not hold as they are. */
export async function missingFiles(
  hub: Hub,
  id: string,
  commit: string,
  files: readonly PushedFile[],
): Promise<readonly PushedFile[]> {
  const paths = files.map(({ path }) => path);
  const remote = await findFiles(hub, id, commit, paths);
  const missing: PushedFile[] = [];
  for (const file of files) if (!(await isHeld(file, remote.get(file.path)))) missing.push(file);
  return missing;
}

/** Whether a commit holds all files as they are, and nothing of what is to be gone. */
export async function holds(
  hub: Hub,
  id: string,
  commit: string,
  {
    files,
    removed,
  }: { readonly files: readonly PushedFile[]; readonly removed: readonly string[] },
): Promise<boolean> {
  if ((await missingFiles(hub, id, commit, files)).length > 0) return false;
  return removed.length === 0 || (await findFiles(hub, id, commit, removed)).size === 0;
}

/** Files in git itself are no larger. */
const maxGitBytes = 100_000_000;

async function isHeld(file: PushedFile, remote: HubFile | undefined): Promise<boolean> {
  if (remote?.size !== file.size) return false;
  if (remote.hash.length === 64) return remote.hash === file.sha256;
  return file.size <= maxGitBytes && remote.hash === (await gitHash(file.content));
}

async function gitHash(content: Blob): Promise<string> {
  const head = new TextEncoder().encode(`blob ${content.size}\0`);
  const all = joined([head, new Uint8Array(await content.arrayBuffer())]);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', all));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
