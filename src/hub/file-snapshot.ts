// A repository at a commit as a folder of the cache that Python's library uses too: blobs hold bytes
// under their hash, snapshots links to them, refs the commits of branches.

import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ErrorContext, ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { settle } from '../base/settle.ts';
import { refuseOthers } from '../checkpoint/other-weights.ts';
import { readConfig } from '../config/read.ts';
import { errnoOf } from '../onnx/file-errors.ts';
import { freeBytes } from '../onnx/file-space.ts';
import { fetchBlob } from './file-blob.ts';
import { cacheError, cacheFull } from './file-cache-errors.ts';
import { missingBytes } from './file-part.ts';
import { type HubFile, listFiles, resolveCommit } from './listing.ts';
import { checkRevision, isCommit, smallFiles, weightFiles } from './names.ts';
import type { Hub } from './request.ts';

export interface SnapshotOptions {
  /** A branch, tag or commit; main when left out. */
  readonly revision?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Snapshot {
  readonly path: string;
  /** Forty hexadecimal digits. */
  readonly commit: string;
}

/**
 * The files that a conversion of a repository needs, fetched where they are missing. Offline the
 * cache must hold them all.
 */
export async function openSnapshot(
  hub: Hub,
  id: string,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const { revision = 'main', signal } = options;
  checkRevision(revision);
  const folder = join(hub.settings.cache, `models--${id.replace('/', '--')}`);
  if (hub.settings.offline) return await cached(folder, id, revision);
  const commit = await resolveCommit(hub, id, revision, signal);
  const listed = await listFiles(hub, id, commit, signal);
  const names = listed.map(({ name }) => name);
  checkFiles(names, { repository: id, revision });
  const path = join(folder, 'snapshots', commit);
  const fetch = { hub, id, commit, folder, path, options };
  try {
    await mkdir(join(folder, 'blobs'), { recursive: true });
    await mkdir(path, { recursive: true });
    const small = listed.filter(({ name }) => smallFiles.includes(name));
    await fetchAll(small, fetch);
    await checkArchitecture(path);
    const weights = weightFiles(names);
    await fetchAll(
      listed.filter(({ name }) => weights.includes(name)),
      fetch,
    );
    if (!isCommit(revision)) await writeWhole(join(folder, 'refs', revision), commit);
  } catch (error) {
    throw cacheError(error, hub.settings.cache);
  }
  return { path, commit };
}

/** A repository of something else is refused before anything is fetched. */
function checkFiles(names: readonly string[], place: ErrorContext): void {
  refuseOthers(place, names);
  const missing = [
    ...(names.includes('config.json') ? [] : ['config.json']),
    ...(weightFiles(names).length > 0 ? [] : ['model.safetensors']),
  ];
  if (missing.length === 0) return;
  throw new ToolkitError('INPUT_MISSING', 'the repository holds no checkpoint', {
    where: { ...place, missing },
    fix: 'give one whose root has what save_pretrained writes: config.json and the weights',
  });
}

interface Fetch {
  readonly hub: Hub;
  readonly id: string;
  readonly commit: string;
  readonly folder: string;
  readonly path: string;
  readonly options: SnapshotOptions;
}

/** So many files are fetched at a time. */
const parallel = 4;

async function fetchAll(files: readonly HubFile[], fetch: Fetch): Promise<void> {
  const { hub, id, commit, folder, path } = fetch;
  const { signal, onProgress } = fetch.options;
  const blobs = join(folder, 'blobs');
  const total = files.reduce((sum, { size }) => sum + size, 0);
  await checkSpace(blobs, files);
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  let done = 0;
  const onBytes = (count: number): void => {
    done += count;
    onProgress?.(done, total);
  };
  const left = [...files];
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      try {
        await fetchBlob({ hub, id, commit, file, blobs, signal: either, onBytes });
        await linkTo(path, file);
      } catch (error) {
        left.length = 0;
        failed.abort(error);
        throw error;
      }
    }
  };
  await settle(Array.from({ length: parallel }, work));
}

/** A twentieth more than is needed is left free. */
const margin = 1.05;

async function checkSpace(blobs: string, files: readonly HubFile[]): Promise<void> {
  let needed = 0;
  for (const file of files) needed += await missingBytes(blobs, file);
  const free = await freeBytes(blobs);
  if (needed > 0 && free !== undefined && free < needed * margin) {
    throw cacheFull({ needed, free });
  }
}

/** Puts a file's name beside the others; a copy where the system has no links. */
async function linkTo(path: string, { name, hash, size }: HubFile): Promise<void> {
  const place = join(path, name);
  const found = await stat(place).catch(() => undefined);
  if (found?.size === size) return;
  const draft = `${place}.${randomBytes(4).toString('hex')}`;
  try {
    await symlink(`../../blobs/${hash}`, draft);
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES'].includes(errnoOf(error) ?? ''))
      throw error;
    await copyFile(join(path, '../../blobs', hash), draft);
  }
  await rename(draft, place);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, text);
  await rename(draft, path).catch(async (error: unknown) => {
    await rm(draft, { force: true });
    throw error;
  });
}

/** Another architecture is refused before its weights are fetched. */
async function checkArchitecture(path: string): Promise<void> {
  const text = decodeUtf8(await readFile(join(path, 'config.json')));
  if (text !== undefined) readConfig(text);
}

async function cached(folder: string, id: string, revision: string): Promise<Snapshot> {
  const commit = isCommit(revision)
    ? revision
    : (await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')).trim();
  const path = join(folder, 'snapshots', commit);
  if (isCommit(commit) && (await isComplete(path))) return { path, commit };
  throw new ToolkitError('INPUT_MISSING', 'the cache does not hold the whole checkpoint', {
    where: { repository: id, revision },
    fix: 'run once without --offline (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE)',
  });
}

async function isComplete(path: string): Promise<boolean> {
  const has = async (name: string): Promise<boolean> =>
    (await stat(join(path, name)).catch(() => undefined))?.isFile() === true;
  if (!(await has('config.json'))) return false;
  for (const file of ['model.safetensors', 'pytorch_model.bin']) {
    if (await has(file)) return true;
    const index = await readFile(join(path, `${file}.index.json`), 'utf8').catch(() => undefined);
    if (index === undefined) continue;
    const shards = new Set(index.match(/[\w-]+-of-\d+\.(?:safetensors|bin)(?=")/g));
    for (const shard of shards) if (!(await has(shard))) return false;
    return shards.size > 0;
  }
  return false;
}
