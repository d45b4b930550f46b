// Whose token this is, and whether it may write.

import { printable, ToolkitError } from '../base/errors.ts';
import { nonsense, readJson } from './answer-json.ts';
import { uploadRefusal } from './upload-answers.ts';
import type { Hub } from './request.ts';

/** Who writes. */
export interface Account {
  readonly name: string;
  /** Names of the organizations that it belongs to. */
  readonly organizations: readonly string[];
}

/**
 * The account of the token; fails where there is none, one that may only read, or one that may not
 * write to this repository, as far as the Hub tells that of a token.
 */
export async function checkWriter(hub: Hub, repository?: string): Promise<Account> {
  const { settings } = hub;
  if (settings.token === undefined && !settings.offline) {
    throw new ToolkitError('NOT_PERMITTED', 'a token is needed to write to the Hub', {
      fix: `run hf auth login, or set HF_TOKEN to a token with the role write (${settings.endpoint}/settings/tokens)`,
    });
  }
  const { answer, name } = await whoAmI(hub);
  const token = fieldsOf(fieldsOf(answer.get('auth')).get('accessToken'));
  if (token.get('role') === 'read') {
    throw new ToolkitError('NOT_PERMITTED', 'the token may only read', {
      where: { account: name },
      fix: `make one with the role write at ${settings.endpoint}/settings/tokens`,
    });
  }
  if (repository !== undefined) {
    const scopes = fieldsOf(token.get('fineGrained')).get('scoped');
    // such a token may not see the organizations whose repositories it is made for
    if (Array.isArray(scopes)) checkScopes(name, scopes, repository, settings.endpoint);
    else checkOwner(name, answer.get('orgs'), repository);
  }
  return { name, organizations: organizationsOf(answer.get('orgs')) };
}

type Fields = ReadonlyMap<unknown, unknown>;

async function whoAmI(hub: Hub): Promise<{ readonly answer: Fields; readonly name: string }> {
  const url = `${hub.settings.endpoint}/api/whoami-v2`;
  const response = await hub.fetch(url);
  if (response.status === 401 || response.status === 403) {
    await response.body?.cancel();
    throw new ToolkitError('NOT_PERMITTED', 'the Hub does not know the token', {
      where: { status: response.status },
      fix: 'it may have expired: run hf auth login, or set HF_TOKEN to another one',
    });
  }
  if (!response.ok) throw uploadRefusal(response.status, 'whoami', '', hub);
  const answer = fieldsOf((await readJson(response, url)).value);
  const name = answer.get('name');
  if (typeof name !== 'string' || name === '') throw nonsense('the server names no account', url);
  return { answer, name };
}

/** A repository belongs to the account, or to an organization where it may write. */
function checkOwner(name: string, orgs: unknown, repository: string): void {
  const owner = ownerOf(repository);
  if (!Array.isArray(orgs) || isSame(name, owner)) return;
  const organization = listOf(orgs).find((each) => isSame(fieldsOf(each).get('name'), owner));
  if (organization !== undefined && !onlyReads(fieldsOf(organization))) return;
  const belongs = organization === undefined ? 'is of somebody else' : 'is of an organization';
  throw new ToolkitError(
    'NOT_PERMITTED',
    `the repository ${belongs}, where this account may not write`,
    {
      where: { repository, account: name },
      fix: `propose the files with modernbert-onnx push --create-pr, or push to ${printable(name)}/${repository.slice(owner.length + 1)}`,
    },
  );
}

/** Who only reads in an organization may write in a group of its repositories. */
function onlyReads(organization: Fields): boolean {
  const groups = listOf(organization.get('resourceGroups')).map((each) => fieldsOf(each));
  return [organization, ...groups]
    .map((each) => each.get('roleInOrg') ?? each.get('role'))
    .every((role) => role === 'read' || role === 'no_access');
}

/** A token that is made for some things only lists them. */
function checkScopes(
  name: string,
  scopes: readonly unknown[],
  repository: string,
  endpoint: string,
): void {
  const isWritten = scopes.some((each) => {
    const scope = fieldsOf(each);
    const permissions = listOf(scope.get('permissions'));
    return permissions.includes('repo.write') && covers(fieldsOf(scope.get('entity')), repository);
  });
  if (isWritten) return;
  throw new ToolkitError('NOT_PERMITTED', 'the token is not made to write to this repository', {
    where: { repository, account: name },
    fix: `add it to what the token may write to, at ${endpoint}/settings/tokens, or propose the files with modernbert-onnx push --create-pr`,
  });
}

/** Of other entities, as groups of repositories, nobody tells what is in them. */
function covers(entity: Fields, repository: string): boolean {
  const wanted = new Map<unknown, string>([
    ['user', ownerOf(repository)],
    ['org', ownerOf(repository)],
    ['model', repository],
  ]).get(entity.get('type'));
  return wanted === undefined || isSame(entity.get('name'), wanted);
}

function ownerOf(repository: string): string {
  return repository.slice(0, repository.indexOf('/'));
}

/** The Hub does not tell case apart. */
function isSame(name: unknown, wanted: string): boolean {
  return typeof name === 'string' && name.toLowerCase() === wanted.toLowerCase();
}

function fieldsOf(value: unknown): Fields {
  return value instanceof Map ? value : new Map();
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function organizationsOf(orgs: unknown): readonly string[] {
  const names = listOf(orgs).map((each) => fieldsOf(each).get('name'));
  return names.filter((name) => typeof name === 'string');
}
