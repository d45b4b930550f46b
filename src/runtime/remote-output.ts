// An output folder on a web server, as the Hub. The manifest says which files there are and how
// large they are, so no listing is asked for, and nothing is fetched before it is read.

import { ToolkitError } from '../base/errors.ts';
import { joined } from '../base/joined.ts';
import type { SourceFolder, WrittenFile } from '../base/files.ts';
import { maxManifestBytes } from '../base/limits.ts';
import { manifestName } from '../base/manifest.ts';
import { parseManifest } from '../base/manifest-reader.ts';
import { once, request, type RemoteFile } from '../checkpoint/http-request.ts';
import { httpSource } from '../checkpoint/http-source.ts';
import type { Output } from './output.ts';

const hub = 'https://huggingface.co';

/** The address of a repository of the Hub at a revision: a branch, a tag or a commit. */
export function hubAddress(id: string, revision = 'main'): string {
  if (!/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(id)) {
    throw new ToolkitError('USAGE', 'a Hub repository has the form owner/name', { where: { id } });
  }
  return `${hub}/${id}/resolve/${encodeURIComponent(revision)}/`;
}

/** Opens the output folder at an address; the server must answer range requests. */
export async function fetchOutput(address: string): Promise<Output> {
  const base = folderOf(address);
  const file = { name: manifestName, url: new URL(manifestName, base).href };
  const { bytes, commit } = await once(file, () => fetchManifest(file));
  const { outputs } = parseManifest(bytes);
  const written = { path: manifestName, size: bytes.length, sha256: '' };
  const pinned = new URL(pin(base.href, commit));
  return {
    root: remoteFolder(pinned, [...outputs, written]),
    models: remoteFolder(new URL('onnx/', pinned), within('onnx/', outputs)),
  };
}

function folderOf(address: string): URL {
  if (!URL.canParse(address)) {
    throw new ToolkitError('USAGE', 'this is no address of a folder', { where: { address } });
  }
  const url = new URL(address);
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

interface Fetched {
  readonly bytes: Uint8Array;
  /** The commit that the Hub took it from. */
  readonly commit: string | undefined;
}

async function fetchManifest(file: RemoteFile): Promise<Fetched> {
  const { body, headers } = await request(file);
  const pieces: Uint8Array[] = [];
  let size = 0;
  // not `for await`: Safari's streams do not iterate
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    pieces.push(next.value);
    size += next.value.length;
    if (size <= maxManifestBytes) continue;
    await reader?.cancel();
    throw new ToolkitError('FILE_TOO_LARGE', 'the manifest is larger than a manifest can be', {
      where: { url: file.url },
      fix: 'check that it is what its name says',
    });
  }
  return { bytes: joined(pieces), commit: headers.get('x-repo-commit') ?? undefined };
}

/** A branch may move while its files are fetched; a commit does not. */
function pin(url: string, commit: string | undefined): string {
  if (!/^[0-9a-f]{40}$/.test(commit ?? '') || !url.startsWith(`${hub}/`)) return url;
  return url.replace(/\/resolve\/[^/]+\//, `/resolve/${commit}/`);
}

function within(folder: string, files: readonly WrittenFile[]): readonly WrittenFile[] {
  return files
    .filter(({ path }) => path.startsWith(folder))
    .map((file) => ({ ...file, path: file.path.slice(folder.length) }));
}

function remoteFolder(base: URL, files: readonly WrittenFile[]): SourceFolder {
  const sizes = new Map(
    files.filter(({ path }) => !path.includes('/')).map(({ path, size }) => [path, size]),
  );
  const path = base.pathname.replace(/\/resolve\/[^/]+\/$/, '/');
  return {
    name: decoded(path.split('/').at(-2) ?? ''),
    list: async () => [...sizes.keys()].toSorted(),
    open: async (name) => {
      const size = sizes.get(name);
      if (size === undefined) return undefined;
      return httpSource({ name, size, url: new URL(name, base).href });
    },
  };
}

/** A part of an address as people wrote it, where it can be read. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
