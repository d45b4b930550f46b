// Files of an earlier push that a folder no longer has: they are removed in the commit of the next
// push, and nothing else is, whatever the manifest in the repository says.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Manifest, manifestName, modelPaths } from '../../src/base/manifest.ts';
import { isOfConversion } from '../../src/hub/stale-files.ts';
import { goldenName } from '../../src/verify.ts';
import { command, documentOf } from '../command.ts';
import { addCommit, repository } from './mock-repository.ts';
import { commitCount, type UploadHub, uploadHub } from './mock-upload.ts';
import { editManifest, pushable } from './pushable.ts';
import { id, type Push, pushEnv, pushTo, textOf } from './upload.ts';

const folderOf = pushable();

const stale = ['onnx/model_quantized.onnx', 'onnx/model_quantized.onnx_data', 'tokenizer.json'];
const others = { '.gitattributes': '*.onnx lfs', 'notes.txt': 'mine', 'onnx/other.onnx': 'mine' };

/** A Hub with what people put there, and the push of a folder that has more files than the one to come. */
async function pushedBefore(): Promise<{ readonly hub: UploadHub; readonly folder: string }> {
  const hub = await uploadHub();
  hub.repositories.set(id, repository(others));
  const earlier = folderOf();
  for (const path of stale) writeFileSync(join(earlier, path), `the earlier ${path}`);
  editManifest(earlier, ({ outputs }) => ({
    outputs: [...outputs, ...stale.map((path) => entryOf(path, `the earlier ${path}`))],
  }));
  expect((await pushTo(hub, earlier, { unverified: true })).pushed?.removed).toEqual([]);
  return { hub, folder: folderOf() };
}

function entryOf(path: string, text: string): Manifest['outputs'][number] {
  return { path, size: text.length, sha256: createHash('sha256').update(text).digest('hex') };
}

/** Somebody's commit on the branch. */
function commit(hub: UploadHub, files: Readonly<Record<string, string>>, large = false): void {
  const entries = Object.entries(files).map(
    ([path, text]) => [path, { bytes: new TextEncoder().encode(text), large }] as const,
  );
  const repo = hub.repositories.get(id);
  if (repo) addCommit(repo, 'main', 'theirs', new Map(entries));
}

async function pushWarned(
  hub: UploadHub,
  folder: string,
): Promise<Push & { readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const onWarning = (sentence: string): void => void warnings.push(sentence);
  return { ...(await pushTo(hub, folder, { onWarning })), warnings };
}

describe('a folder pushed again with fewer files', () => {
  it('takes away those of the earlier push, in the same commit, and nothing of others', async () => {
    const { hub, folder } = await pushedBefore();
    const { pushed, warnings } = await pushWarned(hub, folder);
    expect([pushed?.removed, warnings]).toEqual([stale, []]);
    const left = hub.files(id);
    for (const [path, text] of Object.entries(others)) expect(textOf(left, path)).toBe(text);
    expect(Object.keys(left).filter((path) => stale.includes(path))).toEqual([]);
    expect([commitCount(hub, id), textOf(left, manifestName)]).toEqual([
      2,
      readFileSync(join(folder, manifestName), 'utf8'),
    ]);
    const again = await pushWarned(hub, folder);
    expect([again.pushed?.added, again.pushed?.removed]).toEqual([[], []]);
    expect(commitCount(hub, id)).toBe(2);
  });

  it('leaves what somebody changed since, and says so', async () => {
    const { hub, folder } = await pushedBefore();
    const [graph = '', data = '', tokenizer = ''] = stale;
    commit(hub, { [data]: `The earlier ${data}` }, true);
    commit(hub, { [tokenizer]: `The earlier ${tokenizer}` });
    const { pushed, warnings } = await pushWarned(hub, folder);
    expect(pushed?.removed).toEqual([graph]);
    expect(Object.keys(hub.files(id))).toEqual(expect.arrayContaining([data, tokenizer]));
    expect(warnings).toEqual(
      [data, tokenizer].map((path) => `${path} in ${id} is not what was pushed there, so it stays`),
    );
  });

  it('proposes the same, once', async () => {
    const { hub, folder } = await pushedBefore();
    const first = await pushTo(hub, folder, { createPr: true });
    expect([first.pushed?.pullRequest, first.pushed?.removed]).toEqual([1, stale]);
    expect(Object.keys(hub.files(id))).toEqual(expect.arrayContaining(stale));
    const left = Object.keys(hub.files(id, 'refs/pr/1'));
    expect(left.filter((path) => stale.includes(path))).toEqual([]);
    expect((await pushTo(hub, folder, { createPr: true })).pushed?.pullRequest).toBe(1);
    expect(commitCount(hub, id)).toBe(2);
  });

  it('does so once where the answer to the commit is lost', async () => {
    const { hub, folder } = await pushedBefore();
    const before = hub.count('commit');
    hub.spoilOnce('commit', 'reset after');
    const { ended, pushed } = await pushTo(hub, folder);
    expect([ended, pushed?.removed]).toEqual(['done', stale]);
    expect([commitCount(hub, id), hub.count('commit') - before]).toEqual([2, 1]);
  });

  it('says so on the command line, which with --dry-run changes nothing', async () => {
    const { hub, folder } = await pushedBefore();
    const env = pushEnv(hub, folder);
    const list = `of an earlier push\n${stale.map((path) => `  ${path}\n`).join('')}`;
    const planned = await command(['push', folder, id, '--dry-run'], { env });
    expect([planned.status, planned.stdout.endsWith(`Would remove 3 files ${list}`)]).toEqual([
      0,
      true,
    ]);
    expect(commitCount(hub, id)).toBe(1);
    const json = await command(['push', folder, id, '--dry-run', '--json'], { env });
    expect(documentOf(json)['removed']).toEqual(stale);
    const ran = await command(['push', folder, id], { env });
    expect([ran.status, ran.stdout]).toEqual([
      0,
      expect.stringContaining(`Removed 3 files ${list}`),
    ]);
  });
});

describe('a manifest in the repository that cannot be believed', () => {
  const listing =
    (...paths: readonly string[]) =>
    (manifest: Manifest): string =>
      JSON.stringify({
        ...manifest,
        outputs: [...manifest.outputs, ...paths.map((path) => entryOf(path, 'mine'))],
      });
  const many = Array.from({ length: 501 }, (_, at) => `onnx/model.onnx_data_${at + 1}`);

  it.each<readonly [string, (manifest: Manifest) => string, string]>([
    ['is no JSON', () => '{"schemaVersion": 1,', 'cannot be read (JSON_SYNTAX)'],
    ['is no manifest', () => '[]', 'cannot be read (MANIFEST_INVALID)'],
    [
      'is of another version',
      (manifest) => JSON.stringify({ ...manifest, schemaVersion: 2 }),
      'cannot be read (MANIFEST_INVALID)',
    ],
    ['names a place above', listing('../notes.txt'), 'cannot be read (MANIFEST_INVALID)'],
    ['names a place of a machine', listing('/notes.txt'), 'cannot be read (MANIFEST_INVALID)'],
    ['names settings of git', listing('.gitattributes'), 'cannot be read (MANIFEST_INVALID)'],
    ['names a card', listing('README.md'), 'lists README.md, which no conversion writes'],
    ['names weights', listing('model.safetensors'), 'lists model.safetensors, which no'],
    ['names a model of others', listing('onnx/other.onnx'), 'lists onnx/other.onnx, which no'],
    ['names notes', listing('notes.txt', ...stale), 'lists notes.txt, which no conversion'],
    ['names too much', listing(...many), 'files: nothing'],
  ])('%s: nothing is removed, and the push is done', async (_name, spoil, says) => {
    const hub = await uploadHub();
    hub.repositories.set(
      id,
      repository({ ...others, 'README.md': '# Mine\n', 'model.safetensors': 'mine' }),
    );
    const folder = folderOf();
    const manifest = JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) as Manifest;
    commit(hub, { [manifestName]: spoil(manifest), [many[0] ?? '']: 'mine', ...theirs });
    const before = Object.keys(hub.files(id));
    const { ended, pushed, warnings } = await pushWarned(hub, folder);
    expect([ended, pushed?.removed]).toEqual(['done', []]);
    expect(warnings).toEqual([expect.stringContaining(says)]);
    expect(warnings[0]).toMatch(
      /^modernbert-onnx\.json in me\/ettin .*: nothing of an earlier push is removed$/,
    );
    expect(Object.keys(hub.files(id))).toEqual(expect.arrayContaining(before));
  });
});

/** What a conversion may write, in a repository where none did. */
const theirs = Object.fromEntries(stale.map((path) => [path, 'mine']));

it('a branch to come is looked at as what it begins with', async () => {
  const { hub, folder } = await pushedBefore();
  const { pushed } = await pushTo(hub, folder, { revision: 'v2' });
  expect(pushed?.removed).toEqual(stale);
  expect(Object.keys(hub.files(id))).toEqual(expect.arrayContaining(stale));
});

it('knows every name that a conversion gives', () => {
  const { outputs } = JSON.parse(readFileSync(join(folderOf(), manifestName), 'utf8')) as Manifest;
  const models = Object.values(modelPaths).flatMap((path) => [path, `${path}_data_12`]);
  const written = [...outputs.map(({ path }) => path), ...models, goldenName];
  expect(written.filter((path) => !isOfConversion(path))).toEqual([]);
});
