// Downloads of the command line that end half way, by a signal or a kill, and many at once: the next
// run goes on where one ended, and no two write one file.

import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { command, errorLine, type Ran } from '../command.ts';
import { temporaryFolder } from '../tree.ts';
import { envOf, files, inspect, weights } from './command-hub.ts';
import { type Fault, hashOf, mockHub, type MockHub } from './mock-hub.ts';
import { faultRows } from './rows.ts';

/** The cache's blobs of the repository. */
const blobsIn = (cwd: string): string => join(cwd, 'hf/hub/models--some--model/blobs');

const rows = faultRows('Network faults, killed runs: row, how it ended, cases');

const large = new Uint8Array(randomBytes(4_000_000));
const largeHash = hashOf(large, true);

interface Broken {
  readonly hub: MockHub;
  readonly ran: Ran;
  readonly signal: NodeJS.Signals | null;
}

/** Inspects a repository of noise, and sends a signal when a first part of the weights is there. */
async function breakOff(cwd: string, upTo: number, signal: NodeJS.Signals): Promise<Broken> {
  let end: (() => void) | undefined;
  const fault: Fault = (request, response, logged) => {
    if (end === undefined || !request.url?.endsWith('.safetensors')) return false;
    const kill = end;
    end = undefined;
    response.writeHead(200, { 'content-length': large.length });
    logged.sent += upTo;
    response.write(large.subarray(0, upTo));
    void vi
      .waitUntil(() => unfinishedBytes(cwd) === upTo, { timeout: 20_000 })
      .finally(() => {
        kill();
        // a run that does not let go of the connection is given the rest before it is made to end
        const rest = setTimeout(() => response.end(large.subarray(upTo)), 1500);
        response.once('close', () => clearTimeout(rest));
      });
    return true;
  };
  const hub = await mockHub({ ...files, 'model.safetensors': large }, fault);
  let came: NodeJS.Signals | null = null;
  const ran = await command(['inspect', 'some/model'], {
    cwd,
    env: envOf(hub, join(cwd, 'hf')),
    onStart: (child) => {
      end = () => child.kill(signal);
      child.once('exit', (_status, by) => {
        came = by;
      });
    },
  });
  return { hub, ran, signal: came };
}

/** How much of the weights is on the disk. */
function unfinishedBytes(cwd: string): number {
  const blobs = blobsIn(cwd);
  const name = readdirSync(blobs).find((file) => file.startsWith(`${largeHash}.`));
  return name === undefined ? 0 : statSync(join(blobs, name)).size;
}

/** The next run ends the download, with next to nothing sent twice. */
async function expectResumed(hub: MockHub, cwd: string): Promise<void> {
  // what was fetched is noise, so the rerun ends when the header is read
  expect((await inspect(hub, cwd)).status).toBe(65);
  expectWhole(cwd, largeHash);
  const small = Object.entries(files).filter(([name]) => name !== 'model.safetensors');
  const most = large.length + small.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  expect(hub.sentBytes()).toBeLessThanOrEqual(1.1 * most);
}

it.each([1, 1_000_000, 2_000_000, 3_000_000, 3_999_999])(
  'N8: killed after %i bytes, goes on there',
  async (upTo) => {
    const cwd = temporaryFolder();
    const { hub, signal } = await breakOff(cwd, upTo, 'SIGKILL');
    expect(signal).toBe('SIGKILL');
    await expectResumed(hub, cwd);
    rows.passed('N8', 'done after SIGKILL');
  },
);

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('N8: ended by %s says so in one line, and goes on there', async (name, status) => {
  const cwd = temporaryFolder();
  const { hub, ran } = await breakOff(cwd, 2_000_000, name);
  expect([ran.status, ran.stdout]).toEqual([status, '']);
  expect(errorLine(ran)).toBe(`error[INTERRUPTED]: ended by ${name}`);
  const blobs = readdirSync(blobsIn(cwd));
  expect(blobs.filter((file) => file.startsWith(largeHash))).toEqual([
    expect.stringMatching(/\.incomplete$/),
  ]);
  await expectResumed(hub, cwd);
  rows.passed('N8', `done after ${name}`);
});

it('N8: ended by SIGINT while it waits for a busy server, says no more than that', async () => {
  const cwd = temporaryFolder();
  let end = (): void => undefined;
  const hub = await mockHub(files, (_request, response) => {
    response.writeHead(503, { 'retry-after': '60' }).end(() => setTimeout(end, 100));
    return true;
  });
  const ran = await command(['inspect', 'some/model'], {
    cwd,
    env: envOf(hub, join(cwd, 'hf')),
    onStart: (child) => {
      end = () => child.kill('SIGINT');
    },
  });
  expect([ran.status, errorLine(ran)]).toEqual([130, 'error[INTERRUPTED]: ended by SIGINT']);
  rows.passed('N8', 'ended by SIGINT');
});

it('N8: of two processes one goes on with what a third one left', async () => {
  const cwd = temporaryFolder();
  const hash = hashOf(weights, true);
  const blobs = blobsIn(cwd);
  await mkdir(blobs, { recursive: true });
  const { pid } = spawnSync(process.execPath, ['--version']);
  const half = Math.floor(weights.length / 2);
  writeFileSync(join(blobs, `${hash}.${pid}-01234567.incomplete`), weights.subarray(0, half));
  // a process is told from an earlier one of its id by when it began, to about two seconds
  await new Promise((resolve) => setTimeout(resolve, 2200));
  const waiting: (() => void)[] = [];
  const hub = await mockHub(files, async ({ url }) => {
    if (url?.endsWith('.safetensors') !== true) return false;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 2) for (const go of waiting) go();
    });
    return false;
  });
  const ends = await Promise.all([inspect(hub, cwd), inspect(hub, cwd)]);
  expect(ends.map(({ status, stderr }) => (status === 0 ? 0 : stderr))).toEqual([0, 0]);
  const ranges = hub.fetches('model.safetensors').map(({ range }) => range ?? '');
  expect(ranges.toSorted()).toEqual(['', `bytes=${half}-`]);
  expectWhole(cwd, hash);
  rows.passed('N8', 'done by 2 processes');
});

/** The blob has the bytes its name says, and nothing lies unfinished beside it. */
function expectWhole(cwd: string, hash: string): void {
  const blobs = blobsIn(cwd);
  const bytes = readFileSync(join(blobs, hash));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash);
  expect(readdirSync(blobs).filter((name) => name.includes('incomplete'))).toEqual([]);
}

it.each([2, 8])('N8: %i processes fetch one repository', async (count) => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files);
  const ends = await Promise.all(
    Array.from({ length: count }, async () => await inspect(hub, cwd)),
  );
  expect(ends.map(({ status, stderr }) => (status === 0 ? 0 : stderr))).toEqual(ends.map(() => 0));
  expectWhole(cwd, hashOf(weights, true));
  rows.passed('N8', `done by ${count} processes`);
});
