// A file of any size is sent in the same memory.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { ByteSource } from '../../src/base/files.ts';
import { openHub } from '../../src/hub/request.ts';
import { SourceBlob } from '../../src/hub/source-blob.ts';

const size = 200e6;

it('sends a file without holding it', async () => {
  let received = 0;
  const server = createServer((request, response) => {
    request.on('data', (part: Uint8Array) => (received += part.length));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  const source: ByteSource = {
    name: 'zeros',
    size,
    read: async (start, end) => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      return new Uint8Array(end - start);
    },
    close: async () => undefined,
  };
  const content = new SourceBlob(source, {
    sha256: '',
    hasher: () => ({ update: () => undefined, digest: () => '' }),
    onBytes: () => undefined,
    onFailure: () => undefined,
  });
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const hub = openHub({ endpoint, token: undefined, cache: '', offline: false });
  const response = await hub.fetch(endpoint, { method: 'PUT', body: content });
  expect([response.status, received]).toEqual([200, size]);
  expect(most).toBeLessThan(100e6);
});
