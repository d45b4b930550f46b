// A small Hub on this machine: repositories in memory, and a hook that spoils an answer.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a request was, as the server saw it. */
export interface Logged {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
  /** Bytes of the body that were handed to the connection. */
  sent: number;
}

export interface MockHub {
  readonly endpoint: string;
  readonly commit: string;
  readonly log: readonly Logged[];
  /** Requests for the bytes of a file. */
  readonly fetches: (name: string) => readonly Logged[];
  readonly sentBytes: () => number;
}

/** Answers in the server's place; returns whether it did. */
export type Fault = (
  request: IncomingMessage,
  response: ServerResponse,
  logged: Logged,
) => boolean | Promise<boolean>;

export const commit = '0123456789abcdef0123456789abcdef01234567';

/** Hash of a file's bytes as the Hub names it. */
export function hashOf(bytes: Uint8Array, large: boolean): string {
  return large
    ? createHash('sha256').update(bytes).digest('hex')
    : createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function isLarge(name: string): boolean {
  return /\.(?:safetensors|bin)$/.test(name);
}

/** One entry of the list of files. */
export function entryOf(name: string, bytes: Uint8Array): Record<string, unknown> {
  const large = isLarge(name) && { lfs: { oid: hashOf(bytes, true), size: bytes.length } };
  return { type: 'file', path: name, size: bytes.length, oid: hashOf(bytes, false), ...large };
}

/** Starts a Hub with the repository `some/model`, until the test ends; with a certificate, on https. */
export async function mockHub(
  files: Readonly<Record<string, Uint8Array>>,
  fault: Fault = () => false,
  tls?: { readonly key: string; readonly cert: string },
): Promise<MockHub> {
  const log: Logged[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '', headers } = request;
    const { range, authorization } = headers;
    const ifRange = headers['if-range']?.toString();
    const logged: Logged = { path: url, range, ifRange, authorization, sent: 0 };
    log.push(logged);
    void (async () => {
      if (await fault(request, response, logged)) return;
      answerDownload(url, range, files, response, logged);
    })();
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    commit,
    log,
    fetches: (name) => log.filter(({ path }) => path.endsWith(`/resolve/${commit}/${name}`)),
    sentBytes: () => log.reduce((sum, { sent }) => sum + sent, 0),
  };
}

/** Answers from the repository `some/model`. */
export function answerDownload(
  url: string,
  range: string | undefined,
  files: Readonly<Record<string, Uint8Array>>,
  response: ServerResponse,
  logged: Logged,
): void {
  if (/^\/api\/models\/some\/model\/revision\/(?:main|v1|[0-9a-f]{40})$/.test(url)) {
    return json(response, 200, { id: 'some/model', sha: commit });
  }
  if (url.startsWith('/api/models/some/model/revision/')) {
    return json(response, 404, { error: 'Revision not found' }, 'RevisionNotFound');
  }
  if (url.startsWith(`/api/models/some/model/tree/${commit}`)) {
    return json(
      response,
      200,
      Object.entries(files).map(([name, bytes]) => entryOf(name, bytes)),
    );
  }
  const name = /^\/some\/model\/resolve\/[0-9a-f]{40}\/(.+)$/.exec(url)?.[1];
  const bytes = name === undefined ? undefined : files[decodeURIComponent(name)];
  if (bytes === undefined) return json(response, 404, { error: 'Not found' }, 'RepoNotFound');
  sendFile(response, bytes, range, logged);
}

export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  code?: string,
): void {
  const headers = { 'content-type': 'application/json', ...(code && { 'x-error-code': code }) };
  response.writeHead(status, headers).end(JSON.stringify(value));
}

/** Sends a file or the range of it that was asked for; `upTo` ends the connection early. */
export function sendFile(
  response: ServerResponse,
  bytes: Uint8Array,
  range: string | undefined,
  logged: Logged,
  upTo: number = bytes.length,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': bytes.length - from,
    etag: `"${hashOf(bytes, true)}"`,
    ...(range !== undefined && {
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    }),
  });
  const part = bytes.subarray(from, Math.max(from, upTo));
  logged.sent += part.length;
  if (upTo >= bytes.length) response.end(part);
  else response.write(part, () => setTimeout(() => response.destroy(), 20));
  if (part.length === 0 && upTo < bytes.length) {
    response.flushHeaders();
    setTimeout(() => response.destroy(), 20);
  }
}
