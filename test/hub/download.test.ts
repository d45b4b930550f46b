// The downloader against a Hub that fails on the way: each fault ends in success or in the code that
// stands for it, no wrong byte is kept, and nothing is written outside the cache.

import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { config, expectRow, size, spoiled, status, weights } from './download.ts';
import { type Fault, sendFile } from './mock-hub.ts';

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
    await expectRow('N1', spoiled(status(503, { 'retry-after': '86400' })), 'HUB_UNREACHABLE');
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

describe('N3: a range', () => {
  const cutThen = (next: (response: ServerResponse) => boolean): Fault =>
    spoiled((response, count, range, logged) => {
      if (count > 2) return false;
      if (count === 2) return next(response);
      sendFile(response, weights, range, logged, size / 2);
      return true;
    });

  it('that the server ignores begins again', async () => {
    const whole = (response: ServerResponse): boolean => {
      sendFile(response, weights, undefined, { path: '', range: '', authorization: '', sent: 0 });
      return true;
    };
    await expectRow('N3', cutThen(whole), 'done');
  });

  it.each([`bytes 0-${size - 1}/${size}`, `bytes ${size / 2}-${size}/${size + 1}`, 'nonsense'])(
    'that is not the one asked for begins again: %s',
    async (range) => {
      const wrong = (response: ServerResponse): boolean => {
        response.writeHead(206, { 'content-range': range }).end(weights.subarray(0, 1000));
        return true;
      };
      await expectRow('N3', cutThen(wrong), 'done');
    },
  );

  it('that the server refuses begins again', async () => {
    await expectRow('N3', cutThen(status(416)), 'done');
  });

  it('of another version is never stitched on', async () => {
    const other = (response: ServerResponse): boolean => {
      const part = Buffer.alloc(size / 2, 1);
      const range = `bytes ${size / 2}-${size - 1}/${size}`;
      response.writeHead(206, { 'content-range': range, etag: '"other"' }).end(part);
      return true;
    };
    await expectRow('N3', cutThen(other), 'done');
  });
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
