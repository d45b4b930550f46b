// What a push would send, and what it does not take: models that were not proven, files that are
// not what was written. Nothing here connects to anything.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine, noGpu, type Ran } from '../command.ts';
import { editManifest, pushable, pushedPaths } from './pushable.ts';

// a server that is not there, and a token that may not be said
const env = { ...noGpu, HF_ENDPOINT: 'http://127.0.0.1:9', HF_TOKEN: 'secret-token-0123456789' };
const converted = pushable();

/** A folder, and the command that would push it. */
function place(): {
  readonly folder: string;
  readonly plan: (...flags: readonly string[]) => Promise<Ran>;
} {
  const folder = converted();
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
  const failed = place();
  editManifest(failed.folder, ({ verifications }) => ({
    verifications: verifications.flatMap((each) => [
      each,
      { ...each, runtime: 'other', passed: false },
    ]),
  }));
  const ran = await failed.plan();
  expect([ran.status, errorLine(ran)]).toEqual([65, expect.stringContaining('runtime=other')]);
});

it.each([
  ['is another', (folder: string) => writeFileSync(join(folder, 'config.json'), '{}'), 65],
  ['is gone', (folder: string) => rmSync(join(folder, 'onnx/model.onnx_data')), 66],
])('refuses a folder where a file %s, also unverified', async (_name, spoil, status) => {
  const { folder, plan } = place();
  spoil(folder);
  expect((await plan('--unverified')).status).toBe(status);
});

it('refuses a manifest that lists a file twice, or a model not at all', async () => {
  const twice = place();
  editManifest(twice.folder, ({ outputs }) => ({ outputs: [...outputs, ...outputs.slice(0, 1)] }));
  expect(errorLine(await twice.plan())).toContain('lists a file twice');
  const without = place();
  editManifest(without.folder, ({ outputs }) => ({
    outputs: outputs.filter(({ path }) => !path.startsWith('onnx')),
  }));
  expect(errorLine(await without.plan())).toContain('does not list a model');
});

it.each([
  [['no-owner'], 2],
  [['../x'], 2],
  [['me/ettin', '--revision', 'a'.repeat(40)], 2],
  [['me/ettin', '--revision', '../x'], 2],
])('is wrong usage: %j', async (args, status) => {
  expect((await command(['push', converted(), ...args, '--dry-run'], { env })).status).toBe(status);
});

it('says of a folder that convert did not write that it is none', async () => {
  const ran = await command(['push', caseFolder('clm-default'), 'me/ettin'], { env });
  expect([ran.status, errorLine(ran)]).toEqual([66, expect.stringContaining('no manifest')]);
});
