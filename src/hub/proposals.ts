// Pull requests: whether one of this account proposes the files already.

import { apiOf, requestJson } from './answer-json.ts';
import type { CommitPlan, Landed } from './commit-once.ts';
import { holds } from './held-files.ts';
import { resolveCommit } from './listing.ts';
import type { Hub } from './request.ts';

/** So many of the newest are looked into. */
const mostSeen = 10;

/** The newest open pull request of the account, with this title, that does what the plan says. */
export async function findProposal(hub: Hub, plan: CommitPlan): Promise<Landed | undefined> {
  const { id, account, title } = plan;
  const query = new URLSearchParams({
    p: '0',
    type: 'pull_request',
    status: 'open',
    author: account,
  });
  const { value } = await requestJson(hub, `${apiOf(hub, id)}/discussions?${query.toString()}`, {
    id,
  });
  const listed: unknown = value instanceof Map ? value.get('discussions') : undefined;
  const numbers = (Array.isArray(listed) ? (listed as unknown[]) : [])
    .flatMap((entry) => numberOf(entry, title))
    .toSorted((a, b) => b - a);
  for (const number of numbers.slice(0, mostSeen)) {
    const commit = await resolveCommit(hub, id, `refs/pr/${number}`);
    if (await holds(hub, id, commit, plan)) return { commit, pullRequest: number };
  }
  return undefined;
}

function numberOf(entry: unknown, title: string): readonly number[] {
  if (!(entry instanceof Map)) return [];
  const fields: ReadonlyMap<unknown, unknown> = entry;
  const [number, isOpen] = [fields.get('num'), fields.get('status') !== 'closed'];
  const isOurs = fields.get('title') === title && fields.get('isPullRequest') !== false;
  const isNumber = typeof number === 'number' && Number.isSafeInteger(number) && number > 0;
  return isNumber && isOpen && isOurs ? [number] : [];
}
