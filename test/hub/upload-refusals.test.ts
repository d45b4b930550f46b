// Uploads that cannot be finished: a file that changed on the way, a Hub that refuses. Each ends in
// the code that stands for it, and the branch is what it was.

import {
  appendFileSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addCommit, repository } from './mock-repository.ts';
import { commitCount, type Spoiled, type Step, uploadHub } from './mock-upload.ts';
import { pushable } from './pushable.ts';
import { faultRows } from './rows.ts';
import { expectWhole, id, pushTo } from './upload.ts';

const rows = faultRows('Upload refusals: row, how it ended, cases');
const folderOf = pushable();

describe('N10: a file that changes', () => {
  const changes: readonly (readonly [string, (path: string) => void])[] = [
    ['in place', (path) => writeFileSync(path, readFileSync(path).fill(7, 0, 10))],
    ['to a shorter one', (path) => truncateSync(path, 1000)],
    ['to a longer one', (path) => appendFileSync(path, 'more')],
    ['to nothing', (path) => rmSync(path)],
  ];
  // before it is hashed for the storage, before it is sent, between two parts of it, and, where it
  // is part of the commit itself, before that
  const moments: readonly (readonly [Step, string, number])[] = [
    ['preupload', 'onnx/model.onnx_data', 2e6],
    ['batch', 'onnx/model.onnx_data', 2e6],
    ['part', 'onnx/model.onnx_data', 100_000],
    ['batch', 'config.json', 2e6],
  ];
  const cases = moments.flatMap(([step, file, partBytes]) =>
    changes.map(([how, change]) => [how, step, file, partBytes, change] as const),
  );

  it.each(cases)('%s at %s is noticed: %s', async (_how, step, file, partBytes, change) => {
    const folder = folderOf();
    const spoil = (each: Step, count: number): Spoiled => {
      if (each === step && count === 1) change(join(folder, file));
      return undefined;
    };
    const hub = await uploadHub({ spoil, partBytes });
    const { ended, message, waits } = await pushTo(hub, folder);
    expect([ended, message]).toEqual(['FILE_CHANGED', expect.stringContaining('changed')]);
    expect([commitCount(hub, id), hub.count('commit'), waits.length]).toEqual([0, 0, 0]);
    rows.passed('N10', ended);
  });
});

it('N10: a file that changes, and looks as if it had not, is noticed', async () => {
  const folder = folderOf();
  const path = join(folder, 'onnx/model.onnx_data');
  utimesSync(path, 1000, 1000);
  const hub = await uploadHub({
    spoil: (step) => {
      if (step !== 'batch') return undefined;
      writeFileSync(path, readFileSync(path).fill(7, 500_000, 500_001));
      utimesSync(path, 1000, 1000);
      return undefined;
    },
  });
  const { ended } = await pushTo(hub, folder);
  expect([ended, hub.count('put') <= 1, commitCount(hub, id)]).toEqual(['FILE_CHANGED', true, 0]);
  rows.passed('N10', ended);
});

describe('N10: a refusal', () => {
  const refusing =
    (wanted: Step, status: number) =>
    (step: Step): Spoiled =>
      step === wanted ? status : undefined;

  it.each<readonly [string, Step, number, string, string]>([
    ['quota at the batch', 'batch', 413, 'HUB_FULL', 'no room'],
    ['quota at the storage', 'put', 507, 'HUB_FULL', 'no room'],
    ['quota at the commit', 'commit', 413, 'HUB_FULL', 'no room'],
    ['a token that ended before the upload', 'preupload', 401, 'NOT_PERMITTED', 'run again'],
    ['a token that ended before the commit', 'commit', 401, 'NOT_PERMITTED', 'run again'],
    ['a token that may not write there', 'create', 403, 'NOT_PERMITTED', '--create-pr'],
    ['a token that is none', 'whoami', 401, 'NOT_PERMITTED', 'hf auth login'],
    ['a storage that goes on refusing', 'put', 403, 'HUB_UNREACHABLE', 'run again'],
  ])('%s', async (_name, step, status, code, says) => {
    const hub = await uploadHub({ spoil: refusing(step, status) });
    const { ended, message } = await pushTo(hub, folderOf());
    expect([ended, message]).toEqual([code, expect.stringContaining(says)]);
    expect(commitCount(hub, id)).toBe(0);
    rows.passed('N10', ended);
  });

  it('of a branch that moved meanwhile leaves it to who moved it', async () => {
    const theirs = { bytes: new Uint8Array([1]), large: false };
    const hub = await uploadHub({
      spoil: (step) => {
        const repo = hub.repositories.get(id);
        if (step === 'batch' && repo) addCommit(repo, 'main', 'x', new Map([['x', theirs]]));
        return undefined;
      },
    });
    const { ended, message } = await pushTo(hub, folderOf());
    expect([ended, message]).toEqual(['REMOTE_MOVED', expect.stringContaining('run again')]);
    expect([Object.keys(hub.files(id)), commitCount(hub, id)]).toEqual([['x'], 1]);
    rows.passed('N10', ended);
  });

  it('to create what somebody created meanwhile is none', async () => {
    const hub = await uploadHub({
      spoil: (step) => {
        if (step === 'create') hub.repositories.set(id, repository());
        return undefined;
      },
    });
    const folder = folderOf();
    expect((await pushTo(hub, folder)).ended).toBe('done');
    expectWhole(hub, folder);
    rows.passed('N10', 'done');
  });

  it('to create two at a time is waited for', async () => {
    const said = 'Cannot create repo: another conflicting operation is in progress';
    const spoil = (step: Step, count: number): Spoiled =>
      step === 'create' && count === 1 ? { status: 409, said } : undefined;
    const hub = await uploadHub({ spoil });
    const folder = folderOf();
    expect((await pushTo(hub, folder)).ended).toBe('done');
    expectWhole(hub, folder);
    rows.passed('N10', 'done');
  });

  it('of an address that is spent asks for a new one', async () => {
    const spoil = (step: Step, count: number): Spoiled =>
      step === 'put' && count <= 2 ? 403 : undefined;
    const hub = await uploadHub({ spoil });
    const folder = folderOf();
    expect((await pushTo(hub, folder)).ended).toBe('done');
    expectWhole(hub, folder);
    expect(hub.count('batch')).toBeGreaterThan(1);
    rows.passed('N10', 'done');
  });

  it.each<readonly [string, Parameters<typeof pushTo>[2], string, string]>([
    ['without a token', { token: undefined }, 'NOT_PERMITTED', 'hf auth login'],
    ['offline', { offline: true }, 'HUB_UNREACHABLE', 'offline'],
  ])('%s connects to nothing', async (_name, options, code, says) => {
    const hub = await uploadHub();
    const { ended, message } = await pushTo(hub, folderOf(), options);
    expect([ended, message]).toEqual([code, expect.stringContaining(says)]);
    expect(hub.log).toEqual([]);
  });

  it('of a token that may only read', async () => {
    const hub = await uploadHub({ role: 'read' });
    const { ended, message } = await pushTo(hub, folderOf());
    expect([ended, message]).toEqual(['NOT_PERMITTED', expect.stringContaining('role write')]);
    expect(hub.log.map(({ step }) => step)).toEqual(['whoami']);
  });
});

it('says so when the Hub afterwards holds other bytes', async () => {
  const hub = await uploadHub({
    spoil: (step) => {
      const repo = hub.repositories.get(id);
      if (step !== 'paths' || hub.count('commit') === 0 || !repo) return undefined;
      for (const [name, { title, files }] of repo.commits) {
        const other = { bytes: new Uint8Array(5), large: false };
        repo.commits.set(name, { title, files: new Map([...files, ['config.json', other]]) });
      }
      return undefined;
    },
  });
  const { ended, message } = await pushTo(hub, folderOf());
  expect([ended, message]).toEqual(['REMOTE_MISMATCH', expect.stringContaining('config.json')]);
});

describe('a private repository', () => {
  it('is created as one', async () => {
    const hub = await uploadHub();
    await pushTo(hub, folderOf(), { isPrivate: true });
    expect(hub.repositories.get(id)?.isPrivate).toBe(true);
    expect((await pushTo(hub, folderOf(), { isPrivate: true })).ended).toBe('done');
  });

  it.each(['before', 'meanwhile'])(
    'is not taken for a public one that was there %s',
    async (when) => {
      const make = (): void => void hub.repositories.set(id, repository());
      const hub = await uploadHub({
        spoil: (step) => {
          if (step === 'create') make();
          return undefined;
        },
      });
      if (when === 'before') make();
      const { ended, message } = await pushTo(hub, folderOf(), { isPrivate: true });
      expect([ended, message]).toEqual(['NOT_PERMITTED', expect.stringContaining('everybody')]);
      expect(hub.files(id)).toEqual({});
    },
  );
});

it('does not create what a proposal would be made to', async () => {
  const hub = await uploadHub();
  const { ended } = await pushTo(hub, folderOf(), { createPr: true });
  expect([ended, hub.repositories.size]).toEqual(['INPUT_MISSING', 0]);
});
