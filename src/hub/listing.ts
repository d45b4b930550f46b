// Which commit a revision is, and which files lie at its root. All later requests name the commit,
// so a branch that moves meanwhile changes nothing.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { parseJson, type JsonValue } from '../base/json.ts';
import { accepted, type Asked } from './answers.ts';
import { isCommit, isHash, isPlainName } from './names.ts';
import { type Hub, placeOf } from './request.ts';

/** A file of a repository at a commit. */
export interface HubFile {
  readonly name: string;
  readonly size: number;
  /** Of its bytes: sha256 where it has 64 digits, git's sha1 where it has 40. */
  readonly hash: string;
}

/** No list of files is longer. */
const maxAnswerBytes = 20_000_000;
const maxPages = 50;

/** The commit of a branch, tag or commit. */
export async function resolveCommit(
  hub: Hub,
  id: string,
  revision: string,
  signal?: AbortSignal,
): Promise<string> {
  const url = `${apiOf(hub, id)}/revision/${encodeURIComponent(revision)}`;
  const { value } = await getJson(hub, url, { id, revision }, signal);
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
    const { value, next } = await getJson(hub, url, { id, revision: commit }, signal);
    if (!Array.isArray(value)) throw nonsense('the server sends no list of files', url);
    files.push(...value.flatMap((entry) => fileOf(entry, start)));
    if (next !== undefined && new URL(next, url).origin !== new URL(start).origin) {
      throw nonsense('the list goes on at another server', start);
    }
    url = next === undefined ? undefined : new URL(next, url).href;
  }
  return files;
}

function apiOf({ settings }: Hub, id: string): string {
  return `${settings.endpoint}/api/models/${id}`;
}

function fileOf(entry: JsonValue, url: string): readonly HubFile[] {
  if (!(entry instanceof Map) || entry.get('type') !== 'file') return [];
  const [name, lfs] = [entry.get('path'), entry.get('lfs')];
  if (typeof name !== 'string' || !isPlainName(name)) return [];
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

async function getJson(
  hub: Hub,
  url: string,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<{ readonly value: JsonValue; readonly next: string | undefined }> {
  const init = signal ? { signal } : {};
  const response = await accepted(await hub.fetch(url, init), asked, hub);
  const text = decodeUtf8(await wholeBody(response, url));
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
  try {
    return { value: parseJson(text ?? '', { what: 'the answer' }), next: link };
  } catch {
    throw nonsense('the server sends something else than JSON', url);
  }
}

async function wholeBody(response: Response, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      parts.push(part);
      size += part.byteLength;
      if (size > maxAnswerBytes) throw nonsense('the answer has no end', url);
    }
  } catch (error) {
    if (error instanceof ToolkitError) throw error;
    throw new ToolkitError('HUB_UNREACHABLE', 'the connection ended in the middle of an answer', {
      where: { url: placeOf(new URL(url)) },
      fix: 'check the connection, and try again',
    });
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function nonsense(rule: string, url: string, file?: string): ToolkitError {
  return new ToolkitError('REMOTE_MISMATCH', rule, {
    where: { url: placeOf(new URL(url)), ...(file === undefined ? {} : { file }) },
    fix: 'check HF_ENDPOINT, and that no proxy answers in its place',
  });
}
