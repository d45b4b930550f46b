// What a push would send, and what it does not take: models that were not proven, files that are
// not what was written. Nothing here connects to anything.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { checkPushTarget, planPush } from '../../src/push.ts';
import { caseFolder, command, documentOf, errorLine, noGpu, type Ran } from '../command.ts';
import { editManifest, passed, pushable, pushedPaths } from './pushable.ts';

// a server that is not there, and a token that may not be said
const env = {
  ...noGpu,
  HF_ENDPOINT: 'http://127.0.0.1:9',
  HF_TOKEN: 'secret-token-0123456789',
  HF_HUB_OFFLINE: '1',
};
const folderOf = pushable();

/** A folder, and the command that would push it. */
function place(): {
  readonly folder: string;
  readonly plan: (...flags: readonly string[]) => Promise<Ran>;
} {
  const folder = folderOf();
  return {
    folder,
    plan: (...flags) => command(['push', folder, 'me/ettin', '--dry-run', ...flags], { env }),
  };
}

it('lists what the manifest does, the manifest and the model card, and nothing else', async () => {
  const { folder, plan } = place();
  writeFileSync(join(folder, 'README.md'), '# Mine\n');
  writeFileSync(join(folder, 'notes.txt'), 'not for everybody');
  const ran = await plan('--json');
  expect(ran.status).toBe(0);
  const { files, ...rest } = documentOf(ran) as { readonly files: readonly { path: string }[] };
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(pushedPaths);
  expect(rest).toMatchObject({ dryRun: true, repository: 'me/ettin', revision: 'main' });
  const text = await plan('--revision', 'v1');
  expect(text.stdout).toMatch(/^Would push 7 files, \d+ kB, to me\/ettin \(v1\)\n {2}modernbert/);
  expect(text.stdout).toMatch(/onnx\/model\.onnx_data +\d+ kB\n$/);
});

it('refuses models that nobody verified, or that failed, unless it is asked to take them', async () => {
  const { folder, plan } = place();
  editManifest(folder, () => ({ verifications: [] }));
  const none = await plan();
  expect(none.status).toBe(65);
  expect(errorLine(none)).toMatch(
    /^error\[NOT_VERIFIED\]: no verification .*file=onnx\/model\.onnx.*--unverified$/,
  );
  expect((await plan('--unverified')).status).toBe(0);
  editManifest(folder, () => ({
    verifications: [passed, { ...passed, runtime: 'other', passed: false }],
  }));
  expect(await refusalOf(folder)).toMatchObject({
    code: 'NOT_VERIFIED',
    where: { runtime: 'other' },
  });
});

it.each([
  [
    'another',
    (folder: string) => writeFileSync(join(folder, 'config.json'), '{}'),
    'HASH_MISMATCH',
  ],
  ['gone', (folder: string) => rmSync(join(folder, 'onnx/model.onnx_data')), 'INPUT_MISSING'],
])('refuses a folder where a file is %s, also unverified', async (_name, spoil, code) => {
  const folder = folderOf();
  spoil(folder);
  expect(await refusalOf(folder, { unverified: true })).toMatchObject({ code });
});

it('refuses a manifest that lists a file twice, or a model not at all', async () => {
  const folder = folderOf();
  editManifest(folder, ({ outputs }) => ({ outputs: [...outputs, ...outputs.slice(0, 1)] }));
  expect(String(await refusalOf(folder))).toContain('lists a file twice');
  editManifest(folder, ({ outputs }) => ({
    outputs: outputs.slice(1).filter(({ path }) => !path.startsWith('onnx')),
  }));
  expect(String(await refusalOf(folder))).toContain('does not list a model');
});

it.each([
  ['no-owner', 'main'],
  ['../x', 'main'],
  ['me/ettin', 'a'.repeat(40)],
  ['me/ettin', '../x'],
])('cannot go to %s at %s', (repository, revision) => {
  expect(() => checkPushTarget(repository, revision)).toThrow(
    expect.objectContaining({ code: 'USAGE' }),
  );
});

it.each(['', '   ', 'two\nlines', 'x'.repeat(201)])('refuses %j as a message', async (message) => {
  const ran = await place().plan('--message', message);
  expect([ran.status, errorLine(ran)]).toEqual([2, expect.stringContaining('one line')]);
});

it('says of a folder that convert did not write that it is none', async () => {
  const ran = await command(['push', caseFolder('clm-default'), 'me/ettin'], { env });
  expect([ran.status, errorLine(ran)]).toEqual([66, expect.stringContaining('no manifest')]);
});

/** Why a folder is not pushed. */
async function refusalOf(folder: string, options = {}): Promise<unknown> {
  const output = { root: await openFolder(folder), models: await openFolder(join(folder, 'onnx')) };
  return await planPush(output, 'me/ettin', options).then(
    () => 'nothing',
    (error: unknown) => error,
  );
}
