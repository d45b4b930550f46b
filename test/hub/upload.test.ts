// The upload against a Hub that fails on the way: one commit or none, never two, and what the
// repository then holds is what the folder does.

import { describe, expect, it } from 'vitest';
import { commitCount, type Spoiled, type Step, uploadHub } from './mock-upload.ts';
import { addCommit, repository } from './mock-repository.ts';
import { pushable, pushedPaths } from './pushable.ts';
import { faultRows } from './rows.ts';
import { expectWhole, id, pushTo, token } from './upload.ts';

const rows = faultRows('Upload faults: row, how it ended, cases');
const folderOf = pushable();

/** Spoils a step the first time it comes. */
const once =
  (wanted: Step, how: Spoiled) =>
  (step: Step, count: number): Spoiled =>
    step === wanted && count === 1 ? how : undefined;

it('creates the repository, sends every file, and makes one commit', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  const seen: number[] = [];
  const onProgress = (done: number, total: number): void => void seen.push(done / total);
  const { pushed } = await pushTo(hub, folder, { onProgress });
  expectWhole(hub, folder);
  expect(pushed?.added).toEqual(pushedPaths);
  expect(pushed?.commit).toBe(hub.repositories.get(id)?.heads.get('main'));
  const made = hub.repositories.get(id)?.commits.get(pushed?.commit ?? '');
  expect(made?.title).toBe('Upload ONNX models in fp32');
  expect(Math.max(...seen)).toBeLessThanOrEqual(1);
  expect(Math.max(...seen)).toBeGreaterThan(0.9);
});

it('sends the token to the Hub only', async () => {
  const hub = await uploadHub();
  await pushTo(hub, folderOf());
  const stored = hub.log.filter(({ step }) => step === 'put');
  expect(stored.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  const others = hub.log.filter(({ step }) => step !== 'put');
  expect(others.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
});

it('makes no commit when everything is there, and sends only what is not', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  await pushTo(hub, folder);
  const before = hub.stored();
  const again = await pushTo(hub, folder);
  expect(again.pushed?.added).toEqual([]);
  expectWhole(hub, folder);
  const repo = hub.repositories.get(id);
  if (repo)
    addCommit(
      repo,
      'main',
      'changed',
      new Map([['config.json', { bytes: new Uint8Array(3), large: false }]]),
    );
  const mended = await pushTo(hub, folder);
  expect(mended.pushed?.added).toEqual(['config.json']);
  expectWhole(hub, folder, { commits: 3 });
  expect(hub.stored()).toBe(before);
});

it('writes to a branch, which it creates', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  const { pushed } = await pushTo(hub, folder, { revision: 'v1/beta', message: 'Words' });
  expectWhole(hub, folder, { branch: 'v1/beta' });
  expect(hub.files(id)).toEqual({});
  expect(hub.repositories.get(id)?.commits.get(pushed?.commit ?? '')?.title).toBe('Words');
});

it('proposes the files, once', async () => {
  const hub = await uploadHub();
  hub.repositories.set(id, repository({ 'README.md': '# Theirs\n' }));
  const folder = folderOf();
  const { pushed } = await pushTo(hub, folder, { createPr: true });
  expect(pushed?.pullRequest).toBe(1);
  expect(Object.keys(hub.files(id))).toEqual(['README.md']);
  expect(Object.keys(hub.files(id, 'refs/pr/1')).toSorted()).toEqual(pushedPaths.toSorted());
  const again = await pushTo(hub, folder, { createPr: true });
  expect([again.pushed?.pullRequest, again.pushed?.added, commitCount(hub, id)]).toEqual([
    1,
    [],
    1,
  ]);
});

it.each<Step>(['whoami', 'put', 'commit'])('is ended by a signal at %s', async (step) => {
  const ending = new AbortController();
  const hub = await uploadHub({
    spoil: (each) => {
      if (each !== step) return undefined;
      ending.abort(new Error('no more of this'));
      return 'silence';
    },
  });
  const folder = folderOf();
  await expect(pushTo(hub, folder, { signal: ending.signal })).rejects.toThrow('no more of this');
  expect([hub.count('commit'), commitCount(hub, id)]).toEqual([step === 'commit' ? 1 : 0, 0]);
});

describe('N9: a failure', () => {
  const steps: readonly Step[] = ['preupload', 'batch', 'put', 'part', 'complete', 'commit'];
  const faults: readonly Spoiled[] = [503, 429, 'reset before', 'reset after'];
  const cases = steps.flatMap((step) => faults.map((how) => [step, how] as const));

  it.each(cases)('of %s, %s, ends in one commit', async (step, how) => {
    const partBytes = step === 'part' || step === 'complete' ? 300_000 : undefined;
    const hub = await uploadHub({ spoil: once(step, how), ...(partBytes && { partBytes }) });
    const folder = folderOf();
    const { ended, message } = await pushTo(hub, folder);
    expect([ended, message]).toEqual(['done', '']);
    expectWhole(hub, folder);
    expect(hub.count('commit')).toBe(step === 'commit' && how !== 'reset after' ? 2 : 1);
    rows.passed('N9', ended);
  });

  it.each<Step>(['put', 'part', 'commit'])('of %s that goes unanswered ends too', async (step) => {
    const partBytes = step === 'part' ? 300_000 : undefined;
    const hub = await uploadHub({ spoil: once(step, 'silence'), ...(partBytes && { partBytes }) });
    const folder = folderOf();
    const { ended, waits } = await pushTo(hub, folder, { patienceMs: 300 });
    expect([ended, waits.length > 0]).toEqual(['done', true]);
    expectWhole(hub, folder);
  });

  const xet = {
    href: 'http://127.0.0.1:9/api/models/me/ettin/xet-write-token/main',
    header: { 'X-Xet-Cas-Url': 'http://127.0.0.1:9', 'X-Xet-Access-Token': 'secret-of-xet' },
  };
  const objects = [{ oid: '0'.repeat(64), size: 1, actions: { upload: xet } }];

  it.each<readonly [string, Step, Spoiled]>([
    ['answers with it', 'batch', { answer: { transfer: 'xet', objects } }],
    ['asks for it', 'batch', { status: 426, said: 'Xet is required to upload to this repository' }],
    ['asks for it before', 'preupload', { status: 400, said: 'use hf-xet' }],
  ])('to take files but by Xet, where the Hub %s, is told at once', async (_name, step, how) => {
    const hub = await uploadHub({ spoil: once(step, how) });
    const { ended, message, waits } = await pushTo(hub, folderOf());
    expect([ended, message]).toEqual([
      'UNSUPPORTED_TRANSFER',
      expect.stringMatching(/transfer=xet.*: send the folder with hf upload me\/ettin, which/),
    ]);
    expect(message).not.toContain('secret');
    expect([waits, hub.stored(), hub.count('commit')]).toEqual([[], 0, 0]);
    rows.passed('N9', ended);
  });

  it.each(faults)('of a proposal, %s, ends in one', async (how) => {
    const hub = await uploadHub({ spoil: once('commit', how) });
    hub.repositories.set(id, repository());
    const { ended, pushed } = await pushTo(hub, folderOf(), { createPr: true });
    expect([ended, pushed?.pullRequest, commitCount(hub, id)]).toEqual(['done', 1, 1]);
    rows.passed('N9', ended);
  });

  it.each(steps)('of %s that does not pass is told, and nothing is committed', async (step) => {
    const partBytes = step === 'part' || step === 'complete' ? 300_000 : undefined;
    const spoil = (each: Step): Spoiled => (each === step ? 503 : undefined);
    const hub = await uploadHub({ spoil, ...(partBytes && { partBytes }) });
    const { ended, waits } = await pushTo(hub, folderOf());
    expect([ended, waits.length >= 5]).toEqual(['HUB_UNREACHABLE', true]);
    expect(commitCount(hub, id)).toBe(0);
  });
});
