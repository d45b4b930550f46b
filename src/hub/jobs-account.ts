// Whose jobs they are: the account that gets the model pays for its conversion, where the token may
// speak for it.

import { checkWriter } from './account.ts';
import { nonsense } from './answer-json.ts';
import type { Hub } from './request.ts';

/** The owner of a repository where the token's user is it or belongs to it; else the user. */
export async function accountFor(hub: Hub, repository: string): Promise<string> {
  const { name, organizations } = await checkWriter(hub, repository);
  const owner = repository.split('/')[0] ?? '';
  const account = organizations.includes(owner) ? owner : name;
  if (/^[A-Za-z0-9][\w.-]*$/.test(account)) return account;
  throw nonsense('the server names what is no account', hub.settings.endpoint);
}
