// A web server for tests: files from memory, ranges of them, and whatever a test lets go wrong.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';

export interface WebServer {
  /** `http://localhost:8080`; browsers trust localhost as they trust https. */
  readonly origin: string;
  /** Path and range of every request, as `/name 0-9`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Answers a request itself and says so, or leaves it to the server. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Serves files by their paths without the first slash. */
export async function serve(
  files: ReadonlyMap<string, Uint8Array>,
  fault: Fault = () => false,
): Promise<WebServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    requests.push(start === undefined ? path : `${path} ${start}-${end}`);
    if (fault(request, response)) return;
    const bytes = files.get(path.slice(1));
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(path)] ?? 'application/octet-stream';
    if (start === undefined) {
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length }).end(bytes);
      return;
    }
    const part = bytes.subarray(Number(start), Number(end) + 1);
    const last = Number(start) + part.length - 1;
    response.writeHead(206, {
      'content-type': type,
      'content-length': part.length,
      'content-range': `bytes ${start}-${last}/${bytes.length}`,
    });
    response.end(part);
  });
  await new Promise<void>((resolve) => void server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
