// One file of a repository into the cache's blobs. Bytes are hashed while they are written, and a
// connection that breaks is taken up again where it ended; what is wrong as a whole is thrown away.

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { ToolkitError } from '../base/errors.ts';
import { chunkBytes } from '../base/limits.ts';
import { newPatience } from '../base/retry.ts';
import { errnoOf } from '../onnx/file-errors.ts';
import { accepted } from './answers.ts';
import { claim, hasBlob, publish } from './file-part.ts';
import type { HubFile } from './listing.ts';
import type { Hub } from './request.ts';

export interface BlobJob {
  readonly hub: Hub;
  readonly id: string;
  readonly commit: string;
  readonly file: HubFile;
  /** The folder of blobs, which is there. */
  readonly blobs: string;
  readonly signal?: AbortSignal;
  /** Told of bytes that need not be fetched anymore; a negative count takes some back. */
  readonly onBytes: (count: number) => void;
}

/** Fetches a file unless it is there. */
export async function fetchBlob(job: BlobJob): Promise<void> {
  const { blobs, file, onBytes } = job;
  if (await hasBlob(blobs, file)) return onBytes(file.size);
  // wrong bytes may come from a cache on the way: once more, from the first byte
  if (await fetchOnce(job, true)) return;
  if (await fetchOnce(job, false)) return;
  throw new ToolkitError('REMOTE_MISMATCH', 'the server sends other bytes than it announced', {
    where: { repository: job.id, revision: job.commit, file: file.name, hash: file.hash },
    fix: 'try again later; if it stays so, check HF_ENDPOINT and proxies, or upload the file again',
  });
}

/** A file on its way: what is written of it, and the hash so far. */
interface Partial {
  readonly handle: FileHandle;
  hash: Hash;
  bytes: number;
  /** The version that the bytes are of, where the server told one. */
  etag: string | undefined;
}

async function fetchOnce(job: BlobJob, resumes: boolean): Promise<boolean> {
  const { blobs, file } = job;
  const path = await claim(blobs, file.hash, resumes);
  const handle = await open(path, 'a+');
  const partial: Partial = { handle, hash: begin(file), bytes: 0, etag: undefined };
  let right: boolean;
  try {
    await readAgain(partial, job);
    right = (await receive(partial, job)) && partial.hash.digest('hex') === file.hash;
    if (right) await handle.sync();
  } finally {
    await handle.close();
  }
  if (right) await publish(path, blobs, file);
  else await rm(path, { force: true });
  if (!right) job.onBytes(-partial.bytes);
  return right;
}

function begin({ hash, size }: HubFile): Hash {
  return hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

/** Hashes what another process wrote. */
async function readAgain(partial: Partial, { file, signal, onBytes }: BlobJob): Promise<void> {
  const { size } = await partial.handle.stat();
  if (size > file.size) return await partial.handle.truncate(0);
  const chunk = new Uint8Array(Math.min(chunkBytes, size));
  while (partial.bytes < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await partial.handle.read(chunk, 0, chunk.length, partial.bytes);
    if (bytesRead === 0) break;
    partial.hash.update(chunk.subarray(0, bytesRead));
    partial.bytes += bytesRead;
  }
  onBytes(partial.bytes);
}

async function restart(partial: Partial, { file, onBytes }: BlobJob): Promise<void> {
  await partial.handle.truncate(0);
  onBytes(-partial.bytes);
  partial.hash = begin(file);
  partial.bytes = 0;
  partial.etag = undefined;
}

/** A try that got this far counts as the first of a new row. */
const progressBytes = 2 ** 20;

/** Fetches what is missing, over as many connections as it takes; false when too much came. */
async function receive(partial: Partial, job: BlobJob): Promise<boolean> {
  const { file, hub, signal } = job;
  let [patience, reached] = [newPatience(hub.clock), partial.bytes];
  while (partial.bytes < file.size) {
    try {
      if (!(await receiveSome(partial, job))) return false;
      if (partial.bytes === file.size) break;
      throw new Error('the connection ended early');
    } catch (error) {
      if (error instanceof ToolkitError || isDiskError(error) || signal?.aborted === true)
        throw error;
      if (partial.bytes - reached >= progressBytes) {
        [patience, reached] = [newPatience(hub.clock), partial.bytes];
      }
      if (!(await patience.wait(undefined, signal))) throw broken(error, job, patience.tries);
    }
  }
  return partial.bytes === file.size;
}

/** A failure of the disk, not of the connection. */
function isDiskError(error: unknown): boolean {
  return /^(?:ENOSPC|EDQUOT|EFBIG|EIO|EROFS)$/.test(errnoOf(error) ?? '');
}

async function receiveSome(partial: Partial, job: BlobJob): Promise<boolean> {
  const { hub, id, commit, file, signal } = job;
  const url = `${hub.settings.endpoint}/${id}/resolve/${commit}/${encodeURIComponent(file.name)}`;
  const response = await hub.fetch(url, { headers: rangeOf(partial), ...(signal && { signal }) });
  if (response.status === 416) {
    await response.body?.cancel();
    await restart(partial, job);
    throw new Error('the server knows no such range');
  }
  await accepted(response, { id, revision: commit, file: file.name }, hub);
  if (partial.bytes > 0 && !continues(response, partial, file.size)) {
    await restart(partial, job);
    if (response.status === 206) {
      await response.body?.cancel();
      throw new Error('the server sends another range');
    }
  }
  partial.etag = etagOf(response);
  for await (const bytes of response.body ?? []) {
    if (partial.bytes + bytes.byteLength > file.size) return false;
    await writeAll(partial.handle, bytes);
    partial.hash.update(bytes);
    partial.bytes += bytes.byteLength;
    job.onBytes(bytes.byteLength);
  }
  // an answer that says it is whole, and is short, is another file
  const isWhole = response.status === 200 && response.headers.get('content-length') !== null;
  return partial.bytes === file.size || !isWhole;
}

/** Asks for what is missing, of the version that is there. */
function rangeOf({ bytes, etag }: Partial): Record<string, string> {
  return {
    'accept-encoding': 'identity',
    ...(bytes > 0 && { range: `bytes=${bytes}-`, ...(etag !== undefined && { 'if-range': etag }) }),
  };
}

/** A version by which bytes can be told apart; that of packed bytes is none of the file's. */
function etagOf(response: Response): string | undefined {
  const etag = response.headers.get('etag') ?? '';
  return /^"[^"]*"$/.test(etag) && !isPacked(response) ? etag : undefined;
}

function isPacked({ headers }: Response): boolean {
  return (headers.get('content-encoding') ?? 'identity') !== 'identity';
}

function continues(response: Response, { bytes, etag }: Partial, size: number): boolean {
  const range = response.headers.get('content-range') ?? '';
  const found = etagOf(response);
  const isOther = etag !== undefined && found !== undefined && found !== etag;
  return (
    response.status === 206 &&
    !isPacked(response) &&
    !isOther &&
    range === `bytes ${bytes}-${size - 1}/${size}`
  );
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    done += (await handle.write(bytes, done)).bytesWritten;
  }
}

function broken(error: unknown, { hub, id, file }: BlobJob, tries: number): ToolkitError {
  const cause = hub.redact(error instanceof Error ? error.message : String(error));
  return new ToolkitError('HUB_UNREACHABLE', 'the download does not come to its end', {
    where: { repository: id, file: file.name, cause, tries },
    fix: 'run again: it goes on where it ended',
  });
}
