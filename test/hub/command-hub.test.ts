// The command line and the Hub: sources named by id, runs offline, and a token that appears nowhere.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine } from '../command.ts';
import { temporaryFolder, treeOf } from '../tree.ts';
import { envOf, files, inspect, token, weights } from './command-hub.ts';
import { commit, type Fault, json, mockHub, sendFile } from './mock-hub.ts';
import { faultRows } from './rows.ts';

const rows = faultRows('Network faults, command line: row, how it ended, cases');
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
  // a name may hold the token, and a report the name
  await cp(join(caseFolder('clm-default')), join(cwd, token), { recursive: true });
  const proof = ['--golden', token, '--junit', 'r.xml', '--no-record', '--json'];
  const verified = await command(['verify', 'out', ...proof, '--runtime', 'onnxruntime'], {
    cwd,
    env,
  });
  expect([verified.status, verified.stdout]).toEqual([0, expect.stringContaining('[secret]')]);
  const written = [
    JSON.stringify(treeOf(join(cwd, 'out'))),
    readFileSync(join(cwd, 'r.xml'), 'utf8'),
  ];
  for (const text of [...written, ran.stdout, ran.stderr, verified.stdout, verified.stderr]) {
    expect(text).not.toContain(token);
    rows.passed('N13', 'no token');
  }
  rows.passed('N12', 'done');
});

const switches: readonly (readonly [string, string])[] = [
  ['--offline', 'UNRELATED'],
  ['--offline --revision v1', 'UNRELATED'],
  [`--offline --revision ${commit}`, 'UNRELATED'],
  ['', 'HF_HUB_OFFLINE'],
  ['--revision v1', 'HF_HUB_OFFLINE'],
  ['', 'TRANSFORMERS_OFFLINE'],
];

it.each(['convert', 'inspect'])('N12: %s makes no connection offline', async (name) => {
  const cwd = temporaryFolder();
  const hub = await mockHub(files);
  const env = envOf(hub, join(cwd, 'hf'));
  const ends = await Promise.all(
    switches.map(async ([flags, variable]) => {
      const args = [name, 'some/model', ...flags.split(' ').filter((flag) => flag !== '')];
      return await command(args, { cwd, env: { ...env, [variable]: 'yes' } });
    }),
  );
  expect(ends.map(({ status }) => status)).toEqual(switches.map(() => 66));
  expect(hub.log).toEqual([]);
  for (const ran of ends) {
    expect(errorLine(ran)).toMatch(/the cache does not hold the whole checkpoint.*--offline/);
    rows.passed('N12', `INPUT_MISSING, ${name}`);
  }
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
  expect(errorLine(ran)).toMatch(
    /: this is no ModernBERT decoder \(field=model_type, value=llama\): give a checkpoint of/,
  );
  expect(hub.fetches('model.safetensors')).toEqual([]);
});

it('N5: a redirect from https to http is not followed', async (context) => {
  const cwd = temporaryFolder();
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const openssl = ['req', '-x509', ...kind, ...name, '-keyout', 'key.pem', '-out', 'cert.pem'];
  if (spawnSync('openssl', openssl, { cwd }).status !== 0) context.skip('there is no openssl');
  const [key = '', cert = ''] = ['key.pem', 'cert.pem'].map((file) =>
    readFileSync(join(cwd, file), 'utf8'),
  );
  const plain = await mockHub(files);
  const down: Fault = ({ url }, response) => {
    if (url?.endsWith('.safetensors') !== true) return false;
    response.writeHead(302, { location: `${plain.endpoint}${url}` }).end();
    return true;
  };
  const hub = await mockHub(files, down, { key, cert });
  const env = { ...envOf(hub, join(cwd, 'hf')), NODE_EXTRA_CA_CERTS: join(cwd, 'cert.pem') };
  const ran = await command(['inspect', 'some/model'], { cwd, env });
  expect([ran.status, errorLine(ran)]).toEqual([
    76,
    expect.stringMatching(/^error\[REMOTE_MISMATCH\]: the server redirects from https to http \(/),
  ]);
  expect(hub.fetches('model.safetensors')).toHaveLength(1);
  expect(plain.log).toEqual([]);
  rows.passed('N5', 'REMOTE_MISMATCH');
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
  let commands = '';
  const hub = await mockHub(files, (request, response, logged) => {
    commands ||= execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' });
    return fault(request, response, logged);
  });
  const ran = await inspect(hub, cwd, '--json', '--debug');
  expect([ran.status, documentOf(ran)['status']]).toEqual([status, 'error']);
  expect(errorLine(ran)).toMatch(/^error\[/);
  expect(hub.log[0]?.authorization).toBe(`Bearer ${token}`);
  expect(commands).toContain('inspect some/model --json --debug');
  // --debug prints the chain of causes
  for (const text of [ran.stdout, ran.stderr, JSON.stringify(treeOf(cwd)), commands]) {
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
