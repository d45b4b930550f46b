// The downloader and a Hub that refuses, lies or is not asked: every ending has its code, no byte
// lies outside the cache, and the token goes to the endpoint only.

import dns, { type LookupOptions } from 'node:dns';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type Mock, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../tree.ts';
import {
  config,
  download,
  expectEnd,
  expectRow,
  files,
  rows,
  secret,
  size,
  spoiled,
  status,
  weights,
} from './download.ts';
import { commit, entryOf, type Fault, json, mockHub } from './mock-hub.ts';

/** Told what a name leads to. */
type Found = (error: null, ...addresses: readonly unknown[]) => void;

describe('N5: a hostile server', () => {
  const api =
    (part: string, value: unknown): Fault =>
    (request, response) => {
      if (request.url?.includes(part) !== true) return false;
      json(response, 200, value);
      return true;
    };
  const good = entryOf('model.safetensors', weights);
  const rest = entryOf('config.json', files['config.json']);

  it.each([
    '../x',
    '/etc/x',
    '\\\\host\\x',
    'C:x',
    'a\0b',
    'a#b',
    'a?b',
    '.hidden',
    'a/../../b',
    '%2e%2e/x',
  ])('that names a file %j', async (path) => {
    await expectRow('N5', api('/tree/', [{ ...good, path }, rest, good]), 'done');
  });

  it.each(['../../../../x', 'A'.repeat(64), '', 7])('that gives a hash %j', async (oid) => {
    await expectRow(
      'N5',
      api('/tree/', [rest, { ...good, lfs: { oid, size } }]),
      'REMOTE_MISMATCH',
    );
  });

  it.each(['../../x', 'main', undefined])('that gives a commit %j', async (sha) => {
    await expectRow('N5', api('/revision/', { sha }), 'REMOTE_MISMATCH');
  });

  it.each(['../x', '/x', 'a/../../b', '', 'a\nb'])(
    'is not asked for revision %j',
    async (revision) => {
      const run = await expectRow('N5', () => false, 'USAGE', { revision });
      expect(run.hub.log).toEqual([]);
    },
  );

  it('whose list has no end', async () => {
    const loop: Fault = (request, response) => {
      if (request.url?.includes('/tree/') !== true) return false;
      response.writeHead(200, { link: `<${request.url}>; rel="next"` }).end('[]');
      return true;
    };
    await expectRow('N5', loop, 'REMOTE_MISMATCH');
    const endless: Fault = (request, response) => {
      if (request.url?.includes('/tree/') !== true) return false;
      const timer = setInterval(() => response.write(Buffer.alloc(2 ** 20, 32)), 1);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    await expectRow('N5', endless, 'REMOTE_MISMATCH');
  });

  it.each(['http://', 'https://elsewhere.example/api/models/some/model/tree/x'])(
    'whose list goes on at %s',
    async (next) => {
      const away: Fault = (request, response) => {
        if (request.url?.includes('/tree/') !== true) return false;
        response.writeHead(200, { link: `<${next}>; rel="next"` }).end('[]');
        return true;
      };
      await expectRow('N5', away, 'REMOTE_MISMATCH');
    },
  );

  it('that redirects without end, or to no server', async () => {
    for (const location of [
      '/some/model/resolve/x/model.safetensors',
      'file:///etc/passwd',
      'http://',
    ]) {
      await expectRow('N5', spoiled(status(302, { location })), 'REMOTE_MISMATCH');
    }
  });

  it('that redirects elsewhere takes no token there', async () => {
    const other = await mockHub(files);
    const location = `${other.endpoint}/some/model/resolve/${commit}/model.safetensors`;
    const run = await expectRow('N5', spoiled(status(302, { location })), 'done');
    expect(run.hub.log.every(({ authorization }) => authorization === `Bearer ${secret}`)).toBe(
      true,
    );
    expect(other.log.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it.each([
    'localhost',
    'localhost.',
    'a.localhost',
    '127.0.0.1',
    '2130706433',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '10.0.0.1',
    '169.254.169.254',
  ])('that redirects from the internet to %s is not followed', async (host) => {
    const local = await mockHub(files);
    const { port } = new URL(local.endpoint);
    const location = `http://${host}:${port}/some/model/resolve/${commit}/model.safetensors`;
    const hub = await mockHub(files, spoiled(status(302, { location })));
    // a name of the internet, which leads to this machine
    const lookup = vi.spyOn(dns, 'lookup') as Mock;
    onTestFinished(() => lookup.mockRestore());
    lookup.mockImplementation((_name: string, { all }: LookupOptions, found: Found) =>
      all === true
        ? found(null, [{ address: '127.0.0.1', family: 4 }])
        : found(null, '127.0.0.1', 4),
    );
    const endpoint = hub.endpoint.replace('127.0.0.1', 'hub.example');
    const run = expectEnd('N5', await download(hub, { endpoint }), 'REMOTE_MISMATCH');
    expect(run.message).toMatch(/local network \(url=http:\/\/hub\.example:/);
    expect(local.log).toEqual([]);
  });
});

describe('N7: a refusal', () => {
  it.each([
    [401, 'RepoNotFound', true, 'NOT_PERMITTED', 'private, or there is none of this name'],
    [401, 'RepoNotFound', false, 'NOT_PERMITTED', 'and that the token may read it'],
    [401, '', true, 'NOT_PERMITTED', 'run hf auth login or set HF_TOKEN'],
    [401, '', false, 'NOT_PERMITTED', 'does not accept the token (repository=some/model'],
    [403, 'GatedRepo', true, 'NOT_PERMITTED', 'accept the licence at http://127.0.0.1'],
    [403, 'GatedRepo', false, 'NOT_PERMITTED', 'with the account of the token'],
    [403, '', false, 'NOT_PERMITTED', 'one that may read the repository'],
    [404, 'RepoNotFound', true, 'INPUT_MISSING', 'check its name, and that it is a model'],
    [404, 'RepoNotFound', false, 'INPUT_MISSING', 'and that the token may read it'],
    [404, 'RevisionNotFound', false, 'INPUT_MISSING', '--revision'],
    [404, 'EntryNotFound', false, 'INPUT_MISSING', 'holds a checkpoint'],
    [451, '', false, 'NOT_PERMITTED', 'legal'],
  ])(
    '%i %s, anonymous %s, is %s and says what to do',
    async (code, kind, anonymous, ended, says) => {
      const fault: Fault = (_request, response) => {
        json(response, code, { error: 'No, because.' }, kind);
        return true;
      };
      const run = await expectRow('N7', fault, ended, { anonymous });
      expect(run.message).toContain(says);
      expect(run.message).toContain(`status=${code}, said=No, because.)`);
      expect(run.hub.log).toHaveLength(1);
    },
  );
});

describe('a repository of something else', () => {
  const text = new TextEncoder().encode('{}');
  it.each<readonly [string, Record<string, Uint8Array>, string, RegExp]>([
    [
      'weights alone',
      { 'model.safetensors': weights },
      'INPUT_MISSING',
      /missing=\[config\.json\]/,
    ],
    [
      'a config alone',
      { 'config.json': config },
      'INPUT_MISSING',
      /missing=\[model\.safetensors\]/,
    ],
    ['nothing', {}, 'INPUT_MISSING', /holds no checkpoint \(repository=some\/model, revision=main/],
    ['a GGUF file', { 'a.gguf': text }, 'UNSUPPORTED_CHECKPOINT', /GGUF.*file=a\.gguf/],
    [
      'a LoRA adapter',
      { 'adapter_config.json': text, 'adapter_model.safetensors': text },
      'UNSUPPORTED_CHECKPOINT',
      /LoRA adapter.*merge/,
    ],
  ])('as %s is refused before anything is fetched', async (_name, held, ended, says) => {
    const run = await download(await mockHub(held));
    expect([run.ended, run.message]).toEqual([ended, expect.stringMatching(says)]);
    expect(run.hub.log).toHaveLength(2);
  });
});

describe('N12: offline', () => {
  it('makes no connection, and takes what the cache holds whole', async () => {
    const online = await expectRow('N12', () => false, 'done');
    const quiet = await mockHub(files);
    const { parent } = online;
    expect((await download(quiet, { offline: true, parent })).ended).toBe('done');
    expect((await download(quiet, { offline: true, parent, revision: commit })).ended).toBe('done');
    expect((await download(quiet, { offline: true, parent, revision: 'v1' })).ended).toBe(
      'INPUT_MISSING',
    );
    expect((await download(quiet, { offline: true })).ended).toBe('INPUT_MISSING');
    expect(quiet.log).toEqual([]);
    for (const ended of ['done', 'done', 'INPUT_MISSING', 'INPUT_MISSING'])
      rows.passed('N12', ended);
  });

  it('does not take a part for the whole', async () => {
    const parent = temporaryFolder();
    const path = join(parent, 'cache/models--some--model/snapshots', commit);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'config.json'), config);
    const quiet = await mockHub(files);
    const run = await download(quiet, { offline: true, parent, revision: commit });
    expect(run.ended).toBe('INPUT_MISSING');
    expect(quiet.log).toEqual([]);
    rows.passed('N12', run.ended);
  });
});

it('a second run fetches no file again', async () => {
  const hub = await mockHub(files);
  const first = await download(hub);
  const before = hub.sentBytes();
  expect((await download(hub, { parent: first.parent })).ended).toBe('done');
  expect(hub.sentBytes()).toBe(before);
});
