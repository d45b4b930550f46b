// The model card that a push writes: what people wrote stays, and a second push changes nothing.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository } from './mock-repository.ts';
import { commitCount, uploadHub } from './mock-upload.ts';
import { editManifest, pushable } from './pushable.ts';
import { id, pushTo, textOf } from './upload.ts';

const folderOf = pushable();
const theirs = '---\nlicense: mit\n---\n\n# Mine\n\nWhat I want to say.\n';

it('keeps the text of the repository, once', async () => {
  const hub = await uploadHub();
  hub.repositories.set(id, repository({ 'README.md': theirs }));
  const folder = folderOf();
  await pushTo(hub, folder);
  const card = textOf(hub.files(id), 'README.md');
  expect(card).toContain('# Mine\n\nWhat I want to say.\n');
  expect(card).toContain('license: mit\n');
  expect(card).toContain('onnx/model.onnx');
  expect((await pushTo(hub, folder)).pushed?.added).toEqual([]);
  expect([textOf(hub.files(id), 'README.md'), commitCount(hub, id)]).toEqual([card, 1]);
});

it('takes the text of the folder before that of the repository', async () => {
  const hub = await uploadHub();
  hub.repositories.set(id, repository({ 'README.md': theirs }));
  const folder = folderOf();
  writeFileSync(join(folder, 'README.md'), '# From the folder\n');
  await pushTo(hub, folder);
  const card = textOf(hub.files(id), 'README.md');
  expect(card).toContain('# From the folder\n');
  expect(card).not.toContain('# Mine');
});

it('takes license and language from the card of the checkpoint, where it can be read', async () => {
  const hub = await uploadHub();
  const source = repository({
    'README.md': '---\nlicense: apache-2.0\nlanguage: [en, de]\n---\nX',
  });
  hub.repositories.set('them/ettin', source);
  const folder = folderOf();
  const revision = source.heads.get('main') ?? '';
  editManifest(folder, () => ({ source: { id: 'them/ettin', revision } }));
  await pushTo(hub, folder);
  expect(textOf(hub.files(id), 'README.md')).toMatch(
    /base_model: them\/ettin\n[^]*license: apache-2.0/,
  );
  hub.repositories.delete('them/ettin');
  expect((await pushTo(hub, folder)).ended).toBe('done');
});

it('does not write over what is not text', async () => {
  const hub = await uploadHub();
  const folder = folderOf();
  writeFileSync(join(folder, 'README.md'), Uint8Array.of(0xff, 0xfe, 0));
  const { ended } = await pushTo(hub, folder);
  expect([ended, hub.log.map(({ step }) => step)]).toEqual(['FILE_KIND', ['whoami']]);
});
