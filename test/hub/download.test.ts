// The downloader against a Hub that fails on the way: each fault ends in success or in the code that
// stands for it, no wrong byte is kept, and nothing is written outside the cache.

import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { config, expectRow, files, size, spoiled, status, weights } from './download.ts';
import { commit, type Fault, hashOf, mockHub, sendFile } from './mock-hub.ts';

describe('N1: a server that is busy', () => {
  const busy = [408, 425, 429, 500, 502, 503, 504];
  it.each(busy.flatMap((code) => [1, 4].map((times) => [code, times] as const)))(
    'with %i, %i times, is asked again',
    async (code, times) => {
      const run = await expectRow(
        'N1',
        spoiled((response, count) => count <= times && status(code)(response)),
        'done',
      );
      expect(run.waits).toEqual([500, 1000, 2000, 4000].slice(0, times));
    },
  );

  it.each(busy)('with %i always, is given up on', async (code) => {
    const run = await expectRow('N1', spoiled(status(code)), 'HUB_UNREACHABLE');
    expect(run.message).toContain(`status=${code}, tries=6`);
  });

  it.each([
    ['retry-after', '7', 7000],
    ['retry-after', 'Thu, 01 Jan 2026 00:00:09 GMT', 9000],
    ['ratelimit', '"api";r=0;t=11', 11_000],
  ])('is asked again when it says so: %s %s', async (name, value, least) => {
    const fault = spoiled(
      (response, count) => count === 1 && status(429, { [name]: value })(response),
    );
    const { waits } = await expectRow('N1', fault, 'done');
    expect(waits[0]).toBeGreaterThanOrEqual(least);
    expect(waits[0]).toBeLessThan(least + 1000);
  });

  it('is not waited for all day', async () => {
    const tomorrow = spoiled(status(503, { 'retry-after': '86400' }));
    expect((await expectRow('N1', tomorrow, 'HUB_UNREACHABLE')).waits).toEqual([]);
  });

  it.each([400, 409, 412, 422])('is not asked again after %i', async (code) => {
    const run = await expectRow('N1', spoiled(status(code)), 'HUB_UNREACHABLE');
    expect(run.hub.fetches('model.safetensors')).toHaveLength(1);
  });
});

describe('N2: a connection that breaks', () => {
  it.each([0, 1, size / 4, size / 2, Math.floor(size * 0.99), size - 1])(
    'after %i bytes is taken up there',
    async (upTo) => {
      const fault = spoiled((response, count, range, logged) => {
        if (count > 1) return false;
        sendFile(response, weights, range, logged, upTo);
        return true;
      });
      const run = await expectRow('N2', fault, 'done');
      expect(run.hub.fetches('model.safetensors')).toHaveLength(2);
      expect(run.hub.sentBytes() - size - config.length).toBeLessThanOrEqual(2 ** 16);
    },
  );

  it('in every answer, with nothing gained, is given up on', async () => {
    const fault = spoiled((response, _count, range, logged) => {
      sendFile(response, weights, range, logged, 0);
      return true;
    });
    await expectRow('N2', fault, 'HUB_UNREACHABLE');
  });

  it('is closed when more comes than the file has', async () => {
    const fault = spoiled((response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(2 ** 20, 7)), 1);
      response.on('close', () => clearInterval(timer));
      return true;
    });
    await expectRow('N2', fault, 'REMOTE_MISMATCH');
  });

  it.each([-10, 10])('whose Content-Length is off by %i', async (off) => {
    const fault = spoiled((response, count, _range, logged) => {
      if (count > 1) return false;
      response.writeHead(200, { 'content-length': size + off });
      const part = weights.subarray(0, size + Math.min(0, off));
      logged.sent += part.length;
      response.write(part, () => setTimeout(() => response.destroy(), 20));
      return true;
    });
    await expectRow('N2', fault, 'done');
  });
});

/** The first byte that is asked for. */
const firstOf = (range = ''): number => Number(/\d+/.exec(range)?.[0]);

/** What an answer says that gives what was asked for. */
const rangeFrom = (range?: string): string => `bytes ${firstOf(range)}-${size - 1}/${size}`;

describe('N3: a range', () => {
  type Answer = (response: ServerResponse, logged: Parameters<Fault>[2]) => boolean;

  /** Half of the file, and then an answer of the test's own. */
  const cutThen = (next: Answer): Fault =>
    spoiled((response, count, range, logged) => {
      if (count > 2) return false;
      if (count === 2) return next(response, logged);
      sendFile(response, weights, range, logged, size / 2);
      return true;
    });
  const etag = `"${hashOf(weights, true)}"`;

  it('that the server ignores begins again', async () => {
    const whole: Answer = (response, logged) => {
      sendFile(response, weights, undefined, logged);
      return true;
    };
    // as one does whose file has changed, when it is asked for the rest of the earlier one
    const run = await expectRow('N3', cutThen(whole), 'done');
    const asked = run.hub
      .fetches('model.safetensors')
      .map(({ range, ifRange }) => [range, ifRange]);
    expect(asked).toEqual([
      [undefined, undefined],
      [expect.stringMatching(/^bytes=\d+-$/), etag],
    ]);
  });

  it.each([`bytes 0-${size - 1}/${size}`, `bytes ${size / 2}-${size}/${size + 1}`, 'nonsense'])(
    'that is not the one asked for begins again: %s',
    async (range) => {
      const wrong: Answer = (response) => {
        response.writeHead(206, { 'content-range': range }).end(weights.subarray(0, 1000));
        return true;
      };
      await expectRow('N3', cutThen(wrong), 'done');
    },
  );

  it('that the server refuses begins again', async () => {
    await expectRow('N3', cutThen(status(416)), 'done');
  });

  it('of another version is never stitched on, however often that changes', async () => {
    const fault = spoiled((response, count, range, logged) => {
      if (count > 4) return false;
      if (count % 2 === 1) {
        sendFile(response, weights, range, logged, size / 2);
      } else {
        response.writeHead(206, { 'content-range': rangeFrom(range), etag: `"${count}"` });
        response.end(Buffer.alloc(size - firstOf(range), count));
      }
      return true;
    });
    const run = await expectRow('N3', fault, 'done');
    const asked = run.hub.fetches('model.safetensors').map(({ range }) => range !== undefined);
    expect(asked).toEqual([false, true, false, true, false]);
  });

  it('of another version that does not say so is not kept', async () => {
    const other: Answer = (response, { range }) => {
      response.writeHead(206, { 'content-range': rangeFrom(range) });
      response.end(Buffer.alloc(size - firstOf(range), 1));
      return true;
    };
    await expectRow('N3', cutThen(other), 'done');
  });

  it('of a file without a strong version is asked for without one', async () => {
    const fault = spoiled((response, count) => {
      if (count > 1) return false;
      response.writeHead(200, { 'content-length': size, etag: 'W/"1"' });
      response.write(weights.subarray(0, size / 2), () => setTimeout(() => response.destroy(), 20));
      return true;
    });
    const run = await expectRow('N3', fault, 'done');
    expect(run.hub.fetches('model.safetensors')[1]).toMatchObject({
      range: expect.stringMatching(/^bytes=/),
      ifRange: undefined,
    });
  });
});

describe('N3: packed bytes', () => {
  const packed = gzipSync(weights, { level: 1 });
  const half = Math.floor(packed.length / 2);
  const headers = { 'content-encoding': 'gzip', etag: '"packed"' };

  it.each<readonly [string, (response: ServerResponse) => void]>([
    ['of a whole file', (response) => response.writeHead(200, headers).end(packed)],
    [
      'whose packed length is told',
      (response) =>
        response.writeHead(200, { ...headers, 'content-length': packed.length }).end(packed),
    ],
    [
      'that end half way',
      (response) =>
        response
          .writeHead(200, headers)
          .write(packed.subarray(0, half), () => setTimeout(() => response.destroy(), 20)),
    ],
    ['that are not packed', (response) => response.writeHead(200, headers).end(weights)],
  ])('%s end in the right ones', async (_name, send) => {
    const fault = spoiled((response, count) => {
      if (count > 1) return false;
      send(response);
      return true;
    });
    const run = await expectRow('N3', fault, 'done');
    for (const { ifRange } of run.hub.fetches('model.safetensors')) expect(ifRange).toBeUndefined();
  });

  it('of a range are not put behind plain ones', async () => {
    const fault = spoiled((response, count, range, logged) => {
      if (count > 2) return false;
      if (count === 1) sendFile(response, weights, range, logged, size / 2);
      else response.writeHead(206, { ...headers, 'content-range': rangeFrom(range) }).end(packed);
      return true;
    });
    const run = await expectRow('N3', fault, 'done');
    expect(run.hub.fetches('model.safetensors')).toHaveLength(3);
  });
});

it('a file of Xet comes by the plain redirect', async () => {
  const storage = await mockHub(files);
  const path = `/some/model/resolve/${commit}/model.safetensors`;
  const hash = hashOf(weights, true);
  const headers = {
    location: `${storage.endpoint}${path}`,
    etag: `"${hash}"`,
    'x-linked-etag': `"${hash}"`,
    'x-linked-size': String(weights.length),
    'x-xet-hash': 'f'.repeat(64),
    link: '</api/models/some/model/xet-read-token/main>; rel="xet-auth", <http://127.0.0.1:9/v1/reconstructions/ff>; rel="xet-reconstruction-info"',
  };
  const run = await expectRow('Xet', spoiled(status(302, headers)), 'done');
  expect(storage.log.map(({ authorization }) => authorization)).toEqual([undefined]);
  expect(run.hub.log.filter(({ path: asked }) => asked.includes('xet'))).toEqual([]);
});

describe('N4: wrong bytes', () => {
  const flipped = Uint8Array.from(weights);
  flipped[1_234_567] = (flipped[1_234_567] ?? 0) ^ 1;
  it.each([
    ['a page', new TextEncoder().encode('<!DOCTYPE html><title>Log in</title>')],
    ['a flipped bit', flipped],
    ['a short file', weights.subarray(0, 1000)],
    ['another file', new Uint8Array(size).fill(3)],
    ['no byte', new Uint8Array()],
  ])('are not kept: %s', async (_name, bytes) => {
    const fault = spoiled((response) => {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return true;
    });
    const run = await expectRow('N4', fault, 'REMOTE_MISMATCH');
    expect(run.hub.fetches('model.safetensors')).toHaveLength(2);
  });
});

describe('N6: a slow server', () => {
  it('that never answers is given up on', async () => {
    const run = await expectRow(
      'N6',
      spoiled(() => true),
      'HUB_UNREACHABLE',
      { headersMs: 50 },
    );
    expect(run.message).toContain('no answer for 0.05 s');
  });

  it('that trickles is given up on', async () => {
    const fault = spoiled((response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
      return true;
    });
    await expectRow('N6', fault, 'HUB_UNREACHABLE', { stallMs: 100 });
  });

  it('that stalls half way is asked for the rest', async () => {
    const fault = spoiled((response, count) => {
      if (count > 1) return false;
      response.writeHead(200, { 'content-length': size });
      response.write(weights.subarray(0, size / 2));
      return true;
    });
    const run = await expectRow('N6', fault, 'done', { stallMs: 100 });
    expect(run.hub.fetches('model.safetensors')[1]?.range).toBe(`bytes=${size / 2}-`);
  });
});
