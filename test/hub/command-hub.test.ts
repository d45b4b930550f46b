// The command line and the Hub: sources named by id, runs that are killed, many at once, and a token
// that appears nowhere.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine, noGpu, type Ran } from '../command.ts';
import { temporaryFolder, treeOf } from '../tree.ts';
import { commit, type Fault, hashOf, json, mockHub, type MockHub, sendFile } from './mock-hub.ts';
import { faultRows } from './rows.ts';

const rows = faultRows('Network faults, command line: row, how it ended, cases');
const token = 'secret-token-0123456789';

function caseFiles(name: string): Record<string, Uint8Array> {
  const folder = caseFolder(name);
  const wanted = readdirSync(folder).filter((file) => !/^golden|^case/.test(file));
  return Object.fromEntries(
    wanted.map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]),
  );
}

const files = caseFiles('clm-default');
const weights = files['model.safetensors'] ?? new Uint8Array();

function envOf(hub: MockHub, home: string): Record<string, string> {
  return {
    ...noGpu,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: home,
    HF_TOKEN: token,
    HF_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
  };
}

const inspect = async (hub: MockHub, cwd: string, ...args: readonly string[]): Promise<Ran> =>
  await command(['inspect', 'some/model', ...args], { cwd, env: envOf(hub, join(cwd, 'hf')) });

it('converts a repository, and the manifest says which commit', async () => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files);
  const env = envOf(hub, join(cwd, 'hf'));
  const args = ['convert', 'some/model', '--revision', 'v1', '-o', 'out', '--json'];
  const ran = await command(args, { cwd, env });
  expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining('downloading some/model')]);
  const manifest = readFileSync(join(cwd, 'out/modernbert-onnx.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ source: { id: 'some/model', revision: commit } });
  const offline = await command([...args, '--offline', '--force'], {
    cwd,
    env: { ...env, HF_ENDPOINT: 'http://127.0.0.1:9' },
  });
  expect(offline.status).toBe(0);
  expect(readFileSync(join(cwd, 'out/modernbert-onnx.json'), 'utf8')).toBe(manifest);
  expect(JSON.stringify(treeOf(join(cwd, 'out'))) + ran.stdout + ran.stderr).not.toContain(token);
  rows.passed('N12', 'done');
});

it.each([
  ['convert', '--offline', 'UNRELATED'],
  ['convert', '', 'HF_HUB_OFFLINE'],
  ['inspect', '--offline', 'UNRELATED'],
  ['inspect', '', 'TRANSFORMERS_OFFLINE'],
])('%s makes no connection offline %s', async (name, flag, variable) => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files);
  const env = { ...envOf(hub, join(cwd, 'hf')), [variable]: flag === '' ? 'yes' : '' };
  const ran = await command([name, 'some/model', ...(flag === '' ? [] : [flag])], { cwd, env });
  expect(ran.status).toBe(66);
  expect(hub.log).toEqual([]);
  rows.passed('N12', 'INPUT_MISSING');
});

it('takes a folder of that name before the repository, and says so', async () => {
  const cwd = temporaryFolder();
  await mkdir(join(cwd, 'some'));
  await cp(caseFolder('clm-default'), join(cwd, 'some/model'), { recursive: true });
  const hub = await mockHub(files);
  const ran = await inspect(hub, cwd);
  expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining('is a folder here')]);
  expect(hub.log).toEqual([]);
});

it('refuses another architecture before its weights are fetched', async () => {
  const other = new TextEncoder().encode(
    '{"model_type":"llama","architectures":["LlamaForCausalLM"]}',
  );
  const hub = await mockHub({ ...files, 'config.json': other });
  const ran = await inspect(hub, temporaryFolder());
  expect(ran.status).toBe(69);
  expect(hub.fetches('model.safetensors')).toEqual([]);
});

const large = new Uint8Array(randomBytes(4_000_000));
const largeHash = hashOf(large, true);

it.each([1, 1_000_000, 2_000_000, 3_000_000, 3_999_999])(
  'N8: killed after %i bytes, goes on there',
  async (upTo) => {
    const cwd = temporaryFolder();
    let kill: (() => void) | undefined;
    const fault: Fault = (request, response, logged) => {
      if (kill === undefined || !request.url?.endsWith('.safetensors')) return false;
      const end = kill;
      kill = undefined;
      response.writeHead(200, { 'content-length': large.length });
      logged.sent += upTo;
      // what was sent has reached the disk by then
      response.write(large.subarray(0, upTo), () => setTimeout(end, 400));
      return true;
    };
    const hub = await mockHub({ ...files, 'model.safetensors': large }, fault);
    const bin = join(import.meta.dirname, '../../dist/bin/modernbert-onnx.js');
    const env = { ...process.env, ...envOf(hub, join(cwd, 'hf')) };
    const child = spawn(process.execPath, [bin, 'inspect', 'some/model'], { env, stdio: 'ignore' });
    kill = () => child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    // what was fetched is noise, so the rerun ends when the header is read
    expect((await inspect(hub, cwd)).status).toBe(65);
    expectWhole(join(cwd, 'hf'), largeHash);
    const small = Object.entries(files).filter(([name]) => name !== 'model.safetensors');
    const most = large.length + small.reduce((sum, [, bytes]) => sum + bytes.length, 0);
    expect(hub.sentBytes()).toBeLessThanOrEqual(1.1 * most);
    rows.passed('N8', 'done after SIGKILL');
  },
);

/** The blob has the bytes its name says, and nothing lies unfinished beside it. */
function expectWhole(home: string, hash: string): void {
  const blobs = join(home, 'hub/models--some--model/blobs');
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
  expectWhole(join(cwd, 'hf'), hashOf(weights, true));
  rows.passed('N8', `done by ${count} processes`);
});

const echo =
  (status: number): Fault =>
  (request, response) => {
    json(response, status, { error: `you sent ${request.headers.authorization ?? ''}` });
    return true;
  };

const failing: readonly (readonly [string, number, Fault])[] = [
  ['a server that echoes the header with 401', 77, echo(401)],
  ['a server that echoes the header with 403', 77, echo(403)],
  ['a server that echoes the header with 404', 66, echo(404)],
  ['a server that echoes the header with 400', 75, echo(400)],
  ['a redirect that holds the token', 76, redirecting],
  ['names that hold the token', 76, naming],
];

function redirecting(_request: unknown, response: ServerResponse): boolean {
  response.writeHead(302, { location: `file:///${token}` }).end();
  return true;
}

function naming(request: { url?: string | undefined }, response: ServerResponse): boolean {
  if (request.url?.includes('/tree/') !== true) return false;
  json(response, 200, [{ type: 'file', path: token, size: 3, oid: token }]);
  return true;
}

it.each(failing)('N13: %s does not see it printed', async (_name, status, fault) => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files, fault);
  const ran = await inspect(hub, cwd, '--json', '--debug');
  expect([ran.status, documentOf(ran)['status']]).toEqual([status, 'error']);
  expect(errorLine(ran)).toMatch(/^error\[/);
  expect(hub.log[0]?.authorization).toBe(`Bearer ${token}`);
  for (const text of [ran.stdout, ran.stderr, JSON.stringify(treeOf(cwd))]) {
    expect(text).not.toContain(token);
    rows.passed('N13', 'no token');
  }
});

it('N13: the token is not printed when the command line itself holds it', async () => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files, (_request, response, logged) => {
    sendFile(response, weights, undefined, logged);
    return true;
  });
  const ran = await command(['convert', `./${token}`, '--debug'], {
    cwd,
    env: envOf(hub, join(cwd, 'hf')),
  });
  expect(ran.status).toBe(66);
  expect(ran.stdout + ran.stderr).not.toContain(token);
  rows.passed('N13', 'no token');
});
