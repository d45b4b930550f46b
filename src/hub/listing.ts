// Which commit a revision is, and which files a commit holds. All later requests name the commit,
// so a branch that moves meanwhile changes nothing.

import type { JsonValue } from '../base/json.ts';
import { apiOf, nextPage, nonsense, posting, requestJson } from './answer-json.ts';
import { isCommit, isHash, isPlainName } from './names.ts';
import type { Hub } from './request.ts';

/** A file of a repository at a commit. */
export interface HubFile {
  readonly name: string;
  readonly size: number;
  /** Of its bytes: sha256 where it has 64 digits, git's sha1 where it has 40. */
  readonly hash: string;
}

const maxPages = 50;

/** The commit of a branch, tag or commit. */
export async function resolveCommit(
  hub: Hub,
  id: string,
  revision: string,
  signal?: AbortSignal,
): Promise<string> {
  const url = `${apiOf(hub, id)}/revision/${encodeURIComponent(revision)}`;
  const { value } = await requestJson(hub, url, { id, revision }, signal ? { signal } : {});
  const commit = value instanceof Map ? value.get('sha') : undefined;
  if (!isCommit(commit)) throw nonsense('the server names no commit', url);
  if (isCommit(revision) && revision !== commit) {
    throw nonsense('the server answers with another commit', url);
  }
  return commit;
}

/** The files at the root of a commit; those with names that no checkpoint has are left out. */
export async function listFiles(
  hub: Hub,
  id: string,
  commit: string,
  signal?: AbortSignal,
): Promise<readonly HubFile[]> {
  const start = `${apiOf(hub, id)}/tree/${commit}`;
  const files: HubFile[] = [];
  const seen = new Set<string>();
  for (let url: string | undefined = start; url !== undefined;) {
    if (seen.has(url) || seen.size >= maxPages) throw nonsense('the list has no end', start);
    seen.add(url);
    const asked = { id, revision: commit };
    const { value, headers } = await requestJson(hub, url, asked, signal ? { signal } : {});
    files.push(...filesOf(value, url, isPlainName));
    url = nextPage(headers, url);
  }
  return files;
}

/** Those of some paths that a commit holds, by path. */
export async function findFiles(
  hub: Hub,
  id: string,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, HubFile>> {
  const url = `${apiOf(hub, id)}/paths-info/${commit}`;
  const { value } = await requestJson(hub, url, { id, revision: commit }, posting({ paths }));
  const wanted = new Set(paths);
  const found = filesOf(value, url, (name) => wanted.has(name));
  return new Map(found.map((file) => [file.name, file]));
}

type Wanted = (name: string) => boolean;

function filesOf(value: JsonValue, url: string, isWanted: Wanted): readonly HubFile[] {
  if (!Array.isArray(value)) throw nonsense('the server sends no list of files', url);
  return value.flatMap((entry: JsonValue) => fileOf(entry, url, isWanted));
}

function fileOf(entry: JsonValue, url: string, isWanted: Wanted): readonly HubFile[] {
  if (!(entry instanceof Map) || entry.get('type') !== 'file') return [];
  const [name, lfs] = [entry.get('path'), entry.get('lfs')];
  if (typeof name !== 'string' || !isWanted(name)) return [];
  const of = lfs instanceof Map ? lfs : entry;
  const [hash, size] = [of.get('oid'), of.get('size')];
  if (!isHash(hash) || (of !== entry && hash.length !== 64)) {
    throw nonsense('a hash of a file is none', url, name);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw nonsense('a size of a file is none', url, name);
  }
  return [{ name, size, hash }];
}
