// Whose token this is, and whether it may write.

import { ToolkitError } from '../base/errors.ts';
import { nonsense, readJson } from './answer-json.ts';
import { uploadRefusal } from './upload-answers.ts';
import type { Hub } from './request.ts';

/** Who writes. */
export interface Account {
  readonly name: string;
  /** Names of the organizations that it belongs to. */
  readonly organizations: readonly string[];
}

/** The account of the token; fails where there is none, or one that may only read. */
export async function checkWriter(hub: Hub): Promise<Account> {
  const { settings } = hub;
  if (settings.token === undefined && !settings.offline) {
    throw new ToolkitError('NOT_PERMITTED', 'a token is needed to write to the Hub', {
      fix: `run hf auth login, or set HF_TOKEN to a token with the role write (${settings.endpoint}/settings/tokens)`,
    });
  }
  const url = `${settings.endpoint}/api/whoami-v2`;
  const response = await hub.fetch(url);
  if (response.status === 401 || response.status === 403) {
    await response.body?.cancel();
    throw new ToolkitError('NOT_PERMITTED', 'the Hub does not know the token', {
      where: { status: response.status },
      fix: 'it may have expired: run hf auth login, or set HF_TOKEN to another one',
    });
  }
  if (!response.ok) throw uploadRefusal(response.status, 'whoami', '', hub);
  const { value } = await readJson(response, url);
  const answer = value instanceof Map ? value : new Map<string, never>();
  const name = answer.get('name');
  if (typeof name !== 'string' || name === '') throw nonsense('the server names no account', url);
  if (roleOf(answer.get('auth')) === 'read') {
    throw new ToolkitError('NOT_PERMITTED', 'the token may only read', {
      where: { account: name },
      fix: `make one with the role write at ${settings.endpoint}/settings/tokens`,
    });
  }
  return { name, organizations: organizationsOf(answer.get('orgs')) };
}

function organizationsOf(orgs: unknown): readonly string[] {
  const entries: readonly unknown[] = Array.isArray(orgs) ? orgs : [];
  const names = entries.map((entry): unknown => (entry instanceof Map ? entry.get('name') : entry));
  return names.filter((name) => typeof name === 'string');
}

function roleOf(auth: unknown): unknown {
  const token: unknown = auth instanceof Map ? auth.get('accessToken') : undefined;
  return token instanceof Map ? token.get('role') : undefined;
}
