// The command line and Hugging Face Jobs: many sources, a run that is repeated or interrupted, and a
// token that appears nowhere.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  caseFolder,
  command,
  documentOf,
  errorLine,
  noGpu,
  type Ran,
  type RunOptions,
} from '../command.ts';
import { temporaryFolder, treeOf } from '../tree.ts';
import { commit, json } from './mock-hub.ts';
import { mockJobs, type MockJobs } from './mock-jobs.ts';
import { uploadHub } from './mock-upload.ts';
import { one, runJobs, token } from './run-jobs.ts';

function run(
  hub: MockJobs,
  cwd: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(cwd, 'hf'), HF_TOKEN: token };
  return command(['convert', '--jobs', 'cpu-upgrade', ...args], { cwd, env, ...options });
}

const model = caseFolder('clm-default');
const target = ['--push-to', 'some-user/model-onnx'] as const;

describe('convert --jobs', () => {
  it('converts a list, tells which job failed and why, and when run again starts only that one', async () => {
    const cwd = temporaryFolder();
    let room = false;
    const log = ['loading', `you sent ${token}`, 'error[DISK_FULL]: the disk is full (file=model)'];
    const hub = await mockJobs({
      end: ({ labels }) =>
        labels['source'] === 'some-two' && !room ? { stage: 'ERROR', log } : { stage: 'COMPLETED' },
    });
    writeFileSync(join(cwd, 'list.txt'), 'some/one\nsome/two@v1\n');
    const names = ['--push-to', 'some-user/{name}-onnx'];
    const args = ['--sources', 'list.txt', ...names, '--dtype', 'fp32,q4'];
    const first = await run(hub, cwd, args);
    expect(first.status).toBe(74);
    expect(errorLine(first)).toBe('error[DISK_FULL]: the disk is full (file=model)');
    expect(first.stdout).toBe(
      [
        '                           pushed to    time              status',
        '  some/one        some-user/one-onnx  90.5 s           converted',
        '  some/two@v1  some-user/two-v1-onnx  90.5 s  failed (DISK_FULL)',
        '1 converted, 1 failed',
        '',
        `The log of some/two@v1 ends with (${hub.endpoint}/jobs/some-user/job2):`,
        '  loading',
        '  you sent [secret]',
        '  error[DISK_FULL]: the disk is full (file=model)\n',
      ].join('\n'),
    );

    room = true;
    const again = await run(hub, cwd, [...args, '--json']);
    expect([again.status, documentOf(again)]).toMatchObject([
      0,
      {
        status: 'pass',
        namespace: 'some-user',
        flavor: 'cpu-upgrade',
        conversions: [
          { source: 'some/one', status: 'done', job: 'job1' },
          { source: 'some/two@v1', status: 'converted', job: 'job3' },
        ],
      },
    ]);
    expect(hub.posts().map(({ command: words }) => words.at(-1))).toEqual([
      'some-user/one-onnx',
      'some-user/two-v1-onnx',
      'some-user/two-v1-onnx',
    ]);
    const commands = hub.posts().map(({ secrets: _secrets, ...shown }) => JSON.stringify(shown));
    const paths = hub.log.map(({ path }) => path);
    const outputs = [first, again].flatMap(({ stdout, stderr }) => [stdout, stderr]);
    for (const text of [...commands, ...paths, ...outputs, JSON.stringify(treeOf(cwd))]) {
      expect(text).not.toContain(token);
    }
  });

  it.each([
    [['--revision', 'v1'], 'main'],
    [['--revisions', 'v1'], 'v1'],
  ])('hands over with %j a command line that publishes on the branch %s', async (args, branch) => {
    const cwd = temporaryFolder();
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.includes('/revision/')) return false;
        json(response, 200, { sha: commit });
        return true;
      },
    });
    await runJobs(hub.endpoint, 'some/model', '--jobs', 'cpu-upgrade', ...args, ...target);
    const { command: words = [], secrets } = hub.posts()[0] ?? {};
    const names = ['config.json', 'model.safetensors'];
    const files = names.map((name) => [name, new Uint8Array(readFileSync(join(model, name)))]);
    const upload = await uploadHub({ source: Object.fromEntries(files) });
    const env = { ...noGpu, HF_ENDPOINT: upload.endpoint, HF_HOME: join(cwd, 'hf'), ...secrets };
    const ran = await command(words.slice(words.indexOf('modernbert-onnx') + 1), { cwd, env });
    expect([ran.status, ran.stderr]).toEqual([0, expect.not.stringContaining('error[')]);
    expect(Object.keys(upload.files('some-user/model-onnx', branch))).toContain('onnx/model.onnx');
  });

  it.each([
    ['one source', [model]],
    ['a branch', ['--sources', 'list.txt']],
  ])('tells a model of %s that drifted from a job that failed', async (_name, source) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'list.txt'), model);
    const drifting = [...source, '--golden', caseFolder('clm-bf16'), '-o', 'out'];
    const ran = await command(['convert', ...drifting], { cwd, env: noGpu });
    const log = `${ran.stderr}${ran.stdout}`.trimEnd().split('\n');
    const hub = await mockJobs({ end: () => ({ stage: 'ERROR', log }) });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([ran.status, outcome.exitCode, entries[0]?.status]).toEqual([1, 1, 'drifted']);
    expect(outcome.text).toMatch(/ drifted\n1 drifted\n\nThe log of some\/model ends with/);
  });

  it('leaves jobs alone when interrupted, and waits for them when run again', async () => {
    const cwd = temporaryFolder();
    const hub = await mockJobs();
    const args = ['some/model', ...target];
    const ended = await run(hub, cwd, args, { onProgress: (child) => child.kill('SIGINT') });
    expect(ended.status).toBe(130);
    expect(ended.stderr).toContain(`jobs go on without this command (${hub.endpoint}/jobs/`);
    const again = await run(hub, cwd, args);
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('1 done\n')]);
    expect(again.stderr).toContain('a job for this goes on already');
    expect(hub.jobs).toHaveLength(1);
  });

  it('refuses before it asks the Hub for anything', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'some/folder'), { recursive: true });
    const hub = await mockJobs();
    const ran = await run(hub, cwd, ['some/folder', ...target]);
    expect([ran.status, hub.log]).toEqual([2, []]);
    expect(errorLine(ran)).toContain('a job does not see a folder of this machine');
  });

  it.each([
    ['without a token', { HF_TOKEN: '' }, 77, 'a token is needed to write to the Hub'],
    ['offline', { HF_HUB_OFFLINE: '1' }, 75, 'this run is offline'],
  ])('asks for nothing %s', async (_name, more, status, says) => {
    const cwd = temporaryFolder();
    const hub = await mockJobs();
    const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(cwd, 'hf'), HF_TOKEN: token, ...more };
    const ran = await run(hub, cwd, ['some/model', ...target], { env });
    expect([ran.status, hub.log]).toEqual([status, []]);
    expect(errorLine(ran)).toContain(says);
  });
});
