// The command line that publishes: runs that are killed, and a token that appears nowhere.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { command, documentOf, errorLine, type Ran } from '../command.ts';
import { treeOf } from '../tree.ts';
import { repository } from './mock-repository.ts';
import { type Spoiled, type Step, type UploadHub, uploadHub } from './mock-upload.ts';
import { pushable } from './pushable.ts';
import { faultRows } from './rows.ts';
import { expectWhole, id, pushEnv, token } from './upload.ts';

const rows = faultRows('Upload faults, command line: row, how it ended, cases');
const folderOf = pushable();

const push = async (hub: UploadHub, folder: string, ...flags: readonly string[]): Promise<Ran> =>
  await command(['push', folder, id, ...flags], { env: pushEnv(hub, folder) });

it('says what it sent, and where it can be seen', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  const ran = await push(hub, folder);
  expect(ran.status).toBe(0);
  expect(ran.stdout).toMatch(/^Pushed 7 files, \d+ kB, to me\/ettin \(main\)\n {2}modernbert-onnx/);
  const page = `${hub.endpoint}/me/ettin/commit/${hub.repositories.get(id)?.heads.get('main')}\n`;
  expect(ran.stdout.endsWith(page)).toBe(true);
  expectWhole(hub, folder);
  const again = await push(hub, folder);
  expect([again.status, again.stdout]).toEqual([
    0,
    `me/ettin (main) holds all 7 files already\n${page}`,
  ]);
  const proposed = await push(hub, folder, '--create-pr', '--json');
  expect(documentOf(proposed)).toMatchObject({ status: 'pass', push: { added: [] } });
});

const steps: readonly Step[] = ['preupload', 'batch', 'put', 'part', 'complete', 'commit'];

it.each(steps)('N11: killed at %s, is finished by the next run', async (step) => {
  const folder = folderOf();
  let child: ChildProcess | undefined;
  const hub = await uploadHub({
    spoil: (each): Spoiled => {
      if (each !== step || child === undefined) return undefined;
      child.kill('SIGKILL');
      child = undefined;
      return 'reset after';
    },
    ...((step === 'part' || step === 'complete') && { partBytes: 300_000 }),
  });
  const bin = join(import.meta.dirname, '../../dist/bin/modernbert-onnx.js');
  const env = { ...process.env, ...pushEnv(hub, folder) };
  const started = spawn(process.execPath, [bin, 'push', folder, id], { env, stdio: 'ignore' });
  child = started;
  await new Promise((resolve) => started.on('close', resolve));
  expect(started.signalCode).toBe('SIGKILL');
  const before = new Set(hub.log.map(({ path }) => path));
  const count = hub.log.length;
  const { status, stderr } = await push(hub, folder);
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  expectWhole(hub, folder);
  // what the storage took whole is not sent again
  const sent = hub.log.slice(count).filter((each) => each.step === 'put');
  expect(sent.filter(({ path }) => before.has(path))).toEqual([]);
  rows.passed('N11', 'done after SIGKILL');
});

it.each<readonly [NodeJS.Signals, number, Step, string]>([
  ['SIGINT', 130, 'put', 'aborted'],
  ['SIGTERM', 143, 'put', 'aborted'],
  ['SIGINT', 130, 'commit', 'answered'],
])('N11: ended by %s (%i) at %s, says how to go on, and does', async (signal, code, step, how) => {
  const folder = folderOf();
  let child: ChildProcess | undefined;
  const hub = await uploadHub({
    spoil: (each, count): Spoiled => {
      if (each !== step || child === undefined || (step === 'put' && count < 2)) return undefined;
      child.kill(signal);
      child = undefined;
      // of two files one is stored
      return how === 'aborted' ? 'silence' : undefined;
    },
  });
  const before = treeOf(folder);
  const ran = await command(['push', folder, id], {
    env: pushEnv(hub, folder),
    onStart: (started) => {
      child = started;
    },
  });
  expect([ran.status, ran.stdout]).toEqual([code, '']);
  expect(errorLine(ran)).toBe(
    `error[INTERRUPTED]: ended by ${signal} (repository=${id}, revision=main): ` +
      'run the same command again: what was uploaded is not sent again',
  );
  expect(treeOf(folder)).toEqual(before);
  const stored = hub.count('put');
  expect((await push(hub, folder)).status).toBe(0);
  expectWhole(hub, folder);
  expect(hub.count('put') - stored).toBe(how === 'aborted' ? 1 : 0);
  rows.passed('N11', `done after ${signal}`);
});

const echo = { said: `you sent Bearer ${token}` };

it.each<readonly [string, Step, Spoiled, number]>([
  ['whoami echoes the header', 'whoami', { status: 401, ...echo }, 77],
  ['create echoes the header', 'create', { status: 403, ...echo }, 77],
  ['preupload echoes the header', 'preupload', { status: 400, ...echo }, 75],
  ['the storage echoes it', 'put', { status: 400, ...echo }, 75],
  ['the commit echoes it', 'commit', { status: 422, ...echo }, 75],
  ['nothing fails', 'commit', undefined, 0],
])('N13: %s, and the token is nowhere', async (_name, step, spoiled, exit) => {
  const folder = folderOf();
  let argv = '';
  const hub = await uploadHub({
    spoil: (each) => (each === step ? spoiled : undefined),
  });
  const ran = await command(['push', folder, id, '--json', '--debug'], {
    env: pushEnv(hub, folder),
    onStart: ({ pid }) => {
      argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    },
  });
  expect([ran.status, documentOf(ran)['exitCode']]).toEqual([exit, exit]);
  expect(argv).toContain('push');
  const uploaded = Object.values(hub.files(id)).map((bytes) =>
    Buffer.from(bytes).toString('latin1'),
  );
  const left = JSON.stringify(treeOf(join(folder, '..')));
  for (const text of [ran.stdout, ran.stderr, argv, left, ...uploaded]) {
    expect(text).not.toContain(token);
    rows.passed('N13', 'no token');
  }
});

it.each([
  [{ HF_HUB_OFFLINE: '1' }, [], 75, 'offline'],
  [{ HF_HUB_OFFLINE: 'on' }, ['--create-pr'], 75, 'offline'],
  [{ TRANSFORMERS_OFFLINE: 'yes' }, [], 75, 'offline'],
  [{ TRANSFORMERS_OFFLINE: '1' }, ['--private', '--revision', 'other'], 75, 'offline'],
  [{ HF_TOKEN: '' }, [], 77, 'hf auth login'],
])('N12: with %j and %j connects to nothing', async (changed, flags, status, says) => {
  const hub = await uploadHub();
  hub.repositories.set(id, repository());
  const folder = folderOf();
  const env = { ...pushEnv(hub, folder), ...changed };
  const ran = await command(['push', folder, id, ...flags], { env });
  expect([ran.status, errorLine(ran)]).toEqual([status, expect.stringContaining(says)]);
  expect(hub.log).toEqual([]);
  rows.passed('N12', 'refused');
});

it('N12: with --dry-run offline connects to nothing, and says what it would send', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  const env = { ...pushEnv(hub, folder), HF_HUB_OFFLINE: '1' };
  const ran = await command(['push', folder, id, '--dry-run'], { env });
  expect([ran.status, ran.stdout]).toEqual([0, expect.stringMatching(/^Would push 7 files/)]);
  expect(ran.stderr).toMatch(/^warning: whether files .* is not known: .* offline .*\n$/);
  expect(hub.log).toEqual([]);
  rows.passed('N12', 'done');
});
