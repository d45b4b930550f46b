// Jobs on a Hub that a test spoils: each conversion gets one job, whatever the network does.

import { describe, expect, it } from 'vitest';
import { json } from './mock-hub.ts';
import { commitOf, type JobsFault, mockJobs } from './mock-jobs.ts';
import { one, runJobs, token } from './run-jobs.ts';

/** A fault of the first `count` requests that start a job. */
function firstPosts(count: number, fault: JobsFault): JobsFault {
  let left = count;
  return (asked, response, apply) => {
    if (asked.method !== 'POST' || left === 0) return false;
    left -= 1;
    return fault(asked, response, apply);
  };
}

describe('a job', () => {
  it('is asked for with an image, a limit, the token as a secret, and labels', async () => {
    const hub = await mockJobs();
    const { entries } = await runJobs(hub.endpoint, ...one, '--revision', 'v1');
    expect(hub.posts()).toMatchObject([
      {
        dockerImage: 'node:22',
        flavor: 'cpu-upgrade',
        secrets: { HF_TOKEN: token },
        timeoutSeconds: 21_600,
        attempts: 1,
        labels: { tool: 'modernbert-onnx', source: 'some-model', revision: commitOf('v1') },
      },
    ]);
    const { secrets: _secrets, ...rest } = hub.posts()[0] ?? {};
    expect(JSON.stringify(rest)).not.toContain(token);
    expect(entries).toMatchObject([
      { source: 'some/model@v1', commit: commitOf('v1'), status: 'converted', seconds: 90.5 },
    ]);
  });

  it('that pushes to an organization is of that', async () => {
    const hub = await mockJobs();
    const args = ['some/model', '--push-to', 'some-org/model-onnx', '--jobs', 'cpu-basic'];
    const { outcome } = await runJobs(hub.endpoint, ...args);
    expect(outcome.document['namespace']).toBe('some-org');
    expect(hub.jobs.map(({ namespace }) => namespace)).toEqual(['some-org']);
  });

  it('that would push to a stranger is not started', async () => {
    const hub = await mockJobs();
    const args = ['some/model', '--push-to', 'stranger/model-onnx', '--jobs', 'cpu-basic'];
    await expect(runJobs(hub.endpoint, ...args)).rejects.toThrow('is of somebody else');
    expect(hub.posts()).toEqual([]);
  });

  it('is handed each revision, and one that is not there does not stop the others', async () => {
    const hub = await mockJobs();
    const args = ['some/model', '--revisions', 'gone,v1', '--push-to', 'some-user/onnx'];
    const { outcome, stderr } = await runJobs(hub.endpoint, ...args, '--jobs', 'cpu-basic');
    expect([outcome.exitCode, stderr]).toEqual([66, expect.stringContaining('revision=gone')]);
    expect(hub.posts().map(({ command }) => command.join(' '))).toEqual([
      expect.stringMatching(/ --revisions v1 .* --push-to some-user\/onnx$/),
    ]);
    expect(outcome.text).toMatch(/some\/model@v1 +some-user\/onnx@v1 .* converted\n/);
  });

  it('of a branch that moved is another one', async () => {
    let commit = commitOf('before');
    const hub = await mockJobs({
      fault: ({ path }, response) => {
        if (!path.includes('/revision/')) return false;
        json(response, 200, { sha: commit });
        return true;
      },
    });
    await runJobs(hub.endpoint, ...one);
    expect((await runJobs(hub.endpoint, ...one)).entries).toMatchObject([{ status: 'done' }]);
    commit = commitOf('after');
    expect((await runJobs(hub.endpoint, ...one)).entries).toMatchObject([{ status: 'converted' }]);
    expect(hub.jobs).toHaveLength(2);
  });

  it('that is done is done again with --force', async () => {
    const hub = await mockJobs();
    await runJobs(hub.endpoint, ...one);
    const { entries } = await runJobs(hub.endpoint, ...one, '--force');
    expect(entries).toMatchObject([{ status: 'converted', job: 'job2' }]);
  });

  it('is found on a later page of the list', async () => {
    const ends = ['COMPLETED', 'ERROR', 'ERROR'];
    const hub = await mockJobs({ pageSize: 1, end: () => ({ stage: ends.pop() ?? '' }) });
    for (const _ of [1, 2, 3]) await runJobs(hub.endpoint, ...one);
    expect(hub.jobs).toHaveLength(3);
    const { entries } = await runJobs(hub.endpoint, ...one);
    expect(entries).toMatchObject([{ status: 'done' }]);
  });
});

describe('a request for a job', () => {
  const spoiled: readonly (readonly [string, number, JobsFault])[] = [
    [
      'breaks off after the job was started',
      1,
      (_asked, response, apply) => {
        apply();
        response.destroy();
        return true;
      },
    ],
    [
      'is answered with 503 though the job was started',
      1,
      (_asked, response, apply) => {
        apply();
        json(response, 503, {});
        return true;
      },
    ],
    [
      'is answered in part',
      1,
      (_asked, response, apply) => {
        apply();
        response
          .writeHead(200, { 'content-length': 1000 })
          .write('{"id"', () => response.destroy());
        return true;
      },
    ],
    [
      'is answered by something else',
      1,
      (_asked, response, apply) => {
        apply();
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
        return true;
      },
    ],
    [
      'breaks off before',
      3,
      (_asked, response) => {
        response.destroy();
        return true;
      },
    ],
    [
      'comes too soon',
      3,
      (_asked, response) => {
        response.setHeader('retry-after', '7');
        json(response, 429, {});
        return true;
      },
    ],
  ];

  it.each(spoiled)('that %s starts one', async (_name, count, fault) => {
    const hub = await mockJobs({ fault: firstPosts(count, fault) });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries.map(({ status }) => status)]).toEqual([0, ['converted']]);
    expect(hub.jobs).toHaveLength(1);
  });

  it('that goes on failing is given up, and no job is started', async () => {
    const hub = await mockJobs({
      fault: firstPosts(100, (_asked, response) => {
        response.destroy();
        return true;
      }),
    });
    const { outcome, entries } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries[0]?.error?.code]).toEqual([75, 'HUB_UNREACHABLE']);
    expect(hub.jobs).toEqual([]);
  });

  it.each([
    [400, 2, 'USAGE', 'the Hub refuses the job (status=400, said=no'],
    [402, 77, 'NOT_PERMITTED', 'cannot pay'],
    [403, 77, 'NOT_PERMITTED', 'does not permit jobs'],
    [404, 66, 'INPUT_MISSING', 'no jobs for this account'],
    [418, 75, 'HUB_UNREACHABLE', 'the server refuses'],
  ])('that is refused with %i is told in one line', async (status, exitCode, code, says) => {
    const refuse: JobsFault = ({ authorization }, response) => {
      json(response, status, { error: `no, ${authorization ?? ''}` });
      return true;
    };
    const hub = await mockJobs({ fault: firstPosts(1, refuse) });
    const { outcome, entries, stderr } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, entries[0]?.error?.code]).toEqual([exitCode, code]);
    expect(stderr).toMatch(new RegExp(`^error\\[${code}\\]: .*\n$`, 'm'));
    expect(stderr).toContain(says);
    expect(stderr + outcome.text + JSON.stringify(outcome.document)).not.toContain(token);
  });

  it('that is redirected to another server is not sent there, for it holds the token', async () => {
    const other = await mockJobs();
    const hub = await mockJobs({
      fault: firstPosts(1, ({ path }, response) => {
        response.writeHead(307, { location: `${other.endpoint}${path}` }).end();
        return true;
      }),
    });
    const { outcome, stderr } = await runJobs(hub.endpoint, ...one);
    expect([outcome.exitCode, other.log]).toEqual([76, []]);
    expect(stderr).toContain('redirects what is sent to another server');
  });

  it('for an unknown flavor is answered with what the Hub says', async () => {
    const hub = await mockJobs();
    const args = ['some/model', '--push-to', 'some-user/model-onnx', '--jobs', 'cpu-huge'];
    const { outcome, stderr } = await runJobs(hub.endpoint, ...args);
    expect(outcome.exitCode).toBe(2);
    expect(stderr).toContain('Invalid flavor: cpu-huge');
  });
});
