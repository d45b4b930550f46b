// Jobs until their end, on a Hub that a test spoils: how they are waited for, and what is told of them.

import { describe, expect, it } from 'vitest';
import { logEnd } from '../../src/hub/jobs-log.ts';
import { openHub } from '../../src/hub/request.ts';
import { json } from './mock-hub.ts';
import { type JobsFault, mockJobs, user } from './mock-jobs.ts';
import { idleClock, one, runJobs, token } from './run-jobs.ts';

const target = ['--push-to', 'some-user/model-onnx'] as const;

it.each([
  [['some/model'], 'the disk of a job is gone when it ends'],
  [['golden', ...target], 'a job does not see a folder of this machine (source=golden)'],
  [['golden/shakespeare', ...target], 'a job does not see a folder of this machine'],
  [['model', ...target], 'a job takes a repository of the Hub (source=model)'],
  [['some/model', '--golden', 'x', ...target], '--golden names a file of this machine'],
  [['some/model', '--calibration', 'x', ...target], '--calibration names a file'],
  [['some/model', '-o', 'x', ...target], '--output names a folder of this machine'],
  [['some/model', '--dry-run', ...target], '--dry-run is for a conversion on this machine'],
  [['some/model', '--revision', '../x', ...target], 'this is no name of a revision'],
  [['some/model', '--push-to', 'nothing'], 'this is no name of a repository'],
  [['some/model', '--revisions', 'a,/', ...target], 'this is no name of a revision'],
  [['some/model', '--revisions', 'a/b,a-b', ...target], 'two sources would'],
])('%j is refused before the Hub is asked for anything', async (args, says) => {
  const hub = await mockJobs();
  const refused = runJobs(hub.endpoint, '--jobs', 'cpu-basic', ...args);
  await expect(refused).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(says) as string,
  });
  expect(hub.log).toEqual([]);
});

describe('waiting', () => {
  const failingLooks = (count: number): JobsFault => {
    let left = count;
    return ({ path }, response) => {
      if (!path.endsWith('/job1') || left === 0) return false;
      left -= 1;
      response.destroy();
      return true;
    };
  };

  it('looks less and less often until a job has ended', async () => {
    let looks = 0;
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.endsWith('/job1')) return false;
        looks += 1;
        if (looks > 6) return false;
        json(response, 200, { id: 'job1', status: { stage: 'RUNNING' } });
        return true;
      },
    });
    const { slept, stderr } = await runJobs(hub.endpoint, ...one);
    expect(slept).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    expect(stderr).toContain('jobs: 1 running; looking again in 15 s\n');
    expect(stderr).toContain('note: some/model: completed\n');
  });

  it('asks the Hub less often the more jobs there are', async () => {
    const hub = await mockJobs();
    const revisions = Array.from({ length: 16 }, (_, i) => `v${i}`).join();
    const args = ['some/model', '--revisions', revisions, ...target, '--jobs', 'cpu-basic'];
    expect((await runJobs(hub.endpoint, ...args)).slept[0]).toBe(16_000);
  });

  it('outlasts a network that is gone for minutes', async () => {
    const hub = await mockJobs({ fault: failingLooks(40) });
    const { outcome } = await runJobs(hub.endpoint, ...one);
    expect(outcome.exitCode).toBe(0);
  });

  it('ends with "try again" where the network stays away, and the next run finds the job', async () => {
    const hub = await mockJobs({ fault: failingLooks(120) });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries[0]?.error?.code]).toEqual([75, 'HUB_UNREACHABLE']);
    expect((await runJobs(hub.endpoint, ...one)).entries).toMatchObject([{ status: 'done' }]);
    expect(hub.jobs).toHaveLength(1);
  });

  it('ends where a job was deleted meanwhile', async () => {
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.endsWith('/job1')) return false;
        json(response, 404, { error: 'Job not found' });
        return true;
      },
    });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries[0]?.status]).toEqual([66, 'failed']);
  });
});

describe('a job that failed', () => {
  it.each([
    ['what the conversion said', ['error[DISK_FULL]: no room'], 'DISK_FULL', 74],
    ['that nothing was said', ['Killed'], 'JOB_FAILED', 69],
    ['that it was ended', ['error[INTERRUPTED]: ended by SIGTERM'], 'JOB_FAILED', 69],
    [
      'no code that there is none of',
      ['error[constructor]: x', 'error[NONE]: x'],
      'JOB_FAILED',
      69,
    ],
  ])('tells %s', async (_name, log, code, exitCode) => {
    const hub = await mockJobs({ end: () => ({ stage: 'ERROR', message: 'exit code 1', log }) });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries[0]?.error?.code, entries[0]?.log]).toEqual([
      exitCode,
      code,
      log,
    ]);
  });

  it('shows the last lines of its log, without secrets and escapes', async () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at}`);
    const log = [...lines, `Bearer ${token}`, '\u001b[31mred\nand more'];
    const hub = await mockJobs({ end: () => ({ stage: 'CANCELED', log }) });
    const { outcome } = await runJobs(hub.endpoint, ...one);
    expect(outcome.text).not.toContain('line 12\n');
    expect(outcome.text).toMatch(
      / {2}line 13\n.* {2}Bearer \[secret\]\n {2}\ufffd\[31mred\n {2}and more\n$/s,
    );
  });
});

it('a log that stays open is left when it is silent', async () => {
  const hub = await mockJobs({
    fault: ({ path }, response) => {
      if (!path.includes('/logs')) return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"data":"all there is","timestamp":0}\n\n');
      return true;
    },
  });
  const settings = { endpoint: hub.endpoint, token, cache: '', offline: false };
  const open = openHub(settings, { clock: idleClock().clock });
  expect(await logEnd(open, user, 'job1', 300)).toEqual(['all there is']);
});

describe('a server that is no Hub', () => {
  it.each<readonly [string, string, unknown]>([
    ['names nobody', 'whoami', {}],
    ['names what is no account', 'whoami', { name: '../..' }],
    ['lists nothing', 'api/jobs/some-user?', {}],
    ['lists what is no job', 'api/jobs/some-user?', ['job']],
    ['gives a job no stage', 'api/jobs/some-user?', [{ id: 'job1', status: null }]],
    ['gives a job a path', 'api/jobs/some-user?', [{ id: '../x', status: { stage: 'ERROR' } }]],
  ])('%s, and that is said', async (_name, part, value) => {
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.includes(part)) return false;
        json(response, 200, value);
        return true;
      },
    });
    const code = await runJobs(hub.endpoint, ...one).then(
      ({ entries }) => entries[0]?.error?.code,
      (error: unknown) => (error as { readonly code?: string }).code,
    );
    expect(code).toBe('REMOTE_MISMATCH');
    expect(hub.jobs).toEqual([]);
  });

  it('lists without end, and that ends', async () => {
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.startsWith('/api/jobs/')) return false;
        response.setHeader('link', `<${path}>; rel="next"`);
        json(response, 200, []);
        return true;
      },
    });
    const { entries } = await runJobs(hub.endpoint, ...one);
    expect(entries[0]?.error?.code).toBe('REMOTE_MISMATCH');
  });
});
