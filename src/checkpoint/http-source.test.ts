import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Fault, serve } from '../../test/web-server.ts';
import type { ByteSource } from '../base/files.ts';
import { httpSource } from './http-source.ts';

const bytes = Uint8Array.from({ length: 2_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255);

interface Remote {
  readonly source: ByteSource;
  readonly requests: readonly string[];
}

async function remote(fault?: Fault, size: number = bytes.length): Promise<Remote> {
  const server = await serve(new Map([['data', bytes]]), fault);
  const source = httpSource({ name: 'data', size, url: `${server.origin}/data` });
  onTestFinished(async () => {
    await source.close();
    await server.close();
  });
  return { source, requests: server.requests };
}

describe('a file on a web server', () => {
  test('is read from front to back with a single request', async () => {
    const { source, requests } = await remote();
    const into = new Uint8Array(300_000);
    for (let at = 0; at < bytes.length; at += 250_000) {
      const end = Math.min(at + 250_000, bytes.length);
      // alignment leaves holes that nobody reads
      const part = await source.read(at + 100, end, into);
      expect(Buffer.compare(part, bytes.subarray(at + 100, end))).toBe(0);
    }
    expect(requests).toEqual(['/data 100-1999999']);
  });

  test('gives the bytes of any ranges, in any order, also at once', async () => {
    const { source } = await remote();
    const range = fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length));
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 6 }), async (ranges) => {
        const sorted = ranges.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
        const parts = await Promise.all(sorted.map(([start, end]) => source.read(start, end)));
        for (const [index, [start, end]] of sorted.entries()) {
          const expected = bytes.subarray(start, end);
          expect(Buffer.compare(parts[index] ?? new Uint8Array(), expected)).toBe(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('asks for a few bytes elsewhere beside the request that goes on', async () => {
    const { source, requests } = await remote();
    await source.read(0, 100_000);
    expect(await source.read(1_500_000, 1_500_010)).toEqual(bytes.subarray(1_500_000, 1_500_010));
    await source.read(100_000, 200_000);
    expect(requests).toEqual(['/data 0-1999999', '/data 1500000-1500009']);
  });

  test('is taken up again where a connection broke or a server had a bad moment', async () => {
    let failures = 0;
    const { source, requests } = await remote((_, response) => {
      failures++;
      if (failures === 1) {
        response.writeHead(206, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 70_000), () => response.destroy());
        return true;
      }
      if (failures > 2) return false;
      response.writeHead(503, { 'retry-after': '0' }).end();
      return true;
    });
    expect(Buffer.compare(await source.read(0, bytes.length), bytes)).toBe(0);
    expect(requests).toHaveLength(3);
    const again = Number(/ (\d+)-/.exec(requests[2] ?? '')?.[1]);
    expect(again).toBeGreaterThanOrEqual(0);
    expect(again).toBeLessThanOrEqual(70_000);
  });

  const refusals: readonly (readonly [number, string, RegExp])[] = [
    [404, 'INPUT_MISSING', /no such file \(url=http.*status=404\)/],
    [401, 'IO_FAILED', /does not hand out the file/],
    [400, 'IO_FAILED', /refuses the request/],
    [200, 'IO_FAILED', /does not answer requests for parts of a file/],
  ];

  test.each(refusals)('says what an answer of %i means', async (status, code, message) => {
    const { source, requests } = await remote((_, response) => {
      response.writeHead(status, { 'content-length': bytes.length }).end(bytes);
      return true;
    });
    const error = await source.read(500_000, 900_000).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect(String(error)).toMatch(message);
    expect(requests).toHaveLength(1);
  });

  test('that is not as large as it was said to be has changed', async () => {
    const { source } = await remote(undefined, bytes.length - 1);
    await expect(source.read(0, 100)).rejects.toMatchObject({
      code: 'FILE_CHANGED',
      where: { size: bytes.length - 1, found: `${bytes.length}` },
    });
  });

  test('is read by a server without ranges where it is read from the start', async () => {
    const { source } = await remote((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return true;
    });
    expect(Buffer.compare(await source.read(0, bytes.length), bytes)).toBe(0);
  });
});
