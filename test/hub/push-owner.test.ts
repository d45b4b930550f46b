// Repositories that the account may not write to, as far as the Hub tells: refused before anything
// is sent, with what to do instead, unless the files are only proposed.

import { expect, it } from 'vitest';
import { command, errorLine } from '../command.ts';
import { repository } from './mock-repository.ts';
import { commitCount, type UploadOptions, uploadHub } from './mock-upload.ts';
import { pushable } from './pushable.ts';
import { expectWhole, id, pushEnv, pushTo } from './upload.ts';

const folderOf = pushable();

// the account is another one; the files go to me/ettin
const other = { name: 'other' };
const org = (fields: object): UploadOptions => ({
  whoami: { ...other, orgs: [{ name: 'x' }, { name: 'Me', ...fields }] },
});
const scopes = (...scoped: readonly object[]): UploadOptions => ({
  role: 'fineGrained',
  fineGrained: { global: [], scoped },
});
const writing = ['repo.content.read', 'repo.write'];

it.each<readonly [string, UploadOptions, string]>([
  ['of somebody else', { whoami: { ...other, orgs: [] } }, 'somebody else, where'],
  ['of an organization where it reads', org({ roleInOrg: 'read' }), 'an organization, where'],
  [
    'of one where it reads, in groups too',
    org({ roleInOrg: 'read', resourceGroups: [{ name: 'a', role: 'read' }] }),
    'an organization, where',
  ],
  [
    'that the token only reads',
    scopes({ entity: { type: 'user', name: 'me' }, permissions: ['repo.content.read'] }),
    'not made to write to this repository',
  ],
  [
    'that the token does not name',
    scopes({ entity: { type: 'model', name: 'me/other' }, permissions: writing }),
    'not made to write to this repository',
  ],
])('a repository %s is refused, and nothing is sent', async (_name, options, says) => {
  const hub = await uploadHub(options);
  hub.repositories.set(id, repository());
  const { ended, message } = await pushTo(hub, folderOf());
  expect([ended, message]).toEqual(['NOT_PERMITTED', expect.stringContaining(says)]);
  expect(message).toContain('propose the files with modernbert-onnx push --create-pr');
  expect(hub.log.map(({ step }) => step)).toEqual(['whoami']);
});

it.each<readonly [string, UploadOptions]>([
  ['that belongs to it, by any case', { whoami: { name: 'ME', orgs: [] } }],
  ['of an organization where it writes', org({ roleInOrg: 'write' })],
  ['of one where it contributes', org({ roleInOrg: 'contributor' })],
  ['of one whose role is not told', org({})],
  [
    'of one where it writes in a group',
    org({ roleInOrg: 'read', resourceGroups: [{ role: 'write' }] }),
  ],
  ['of which nothing is told', { whoami: other }],
  [
    'of an owner that the token names',
    scopes({ entity: { type: 'user', name: 'me' }, permissions: writing }),
  ],
  ['that the token names', scopes({ entity: { type: 'model', name: id }, permissions: writing })],
  [
    'that the token names, of an owner that it does not see',
    {
      ...scopes({ entity: { type: 'model', name: id }, permissions: writing }),
      whoami: { ...other, orgs: [] },
    },
  ],
  [
    'of a group that the token names',
    scopes({ entity: { type: 'resource-group' }, permissions: writing }),
  ],
])('a repository %s is written to', async (_name, options) => {
  const hub = await uploadHub(options);
  const folder = folderOf();
  expect((await pushTo(hub, folder)).message).toBe('');
  expectWhole(hub, folder);
});

it('says so on the command line, and takes the proposal that it names', async () => {
  const hub = await uploadHub({ whoami: { ...other, orgs: [] } });
  hub.repositories.set(id, repository());
  const folder = folderOf();
  const env = pushEnv(hub, folder);
  const ran = await command(['push', folder, id], { env });
  expect([ran.status, errorLine(ran)]).toEqual([
    77,
    'error[NOT_PERMITTED]: the repository is of somebody else, where this account may not write ' +
      '(repository=me/ettin, account=other): propose the files with modernbert-onnx push --create-pr, ' +
      'or push to other/ettin',
  ]);
  expect(hub.log.map(({ step }) => step)).toEqual(['whoami']);
  const proposed = await command(['push', folder, id, '--create-pr'], { env });
  expect([proposed.status, commitCount(hub, id), hub.files(id)]).toEqual([0, 1, {}]);
});
