// The commit, which must not happen twice. A connection that breaks says nothing about what the
// server did: before another try the branch, or the list of proposals, is read and compared.

import { changeOnce } from './change-once.ts';
import { holds, type PushedFile } from './held-files.ts';
import { resolveCommit } from './listing.ts';
import { findProposal } from './proposals.ts';
import type { Hub } from './request.ts';
import { acceptedUpload, movedError } from './upload-answers.ts';

/** A commit that is to be made. */
export interface CommitPlan {
  readonly id: string;
  readonly branch: string;
  /** The branch's commit that the files were compared with. */
  readonly parent: string;
  readonly createPr: boolean;
  readonly title: string;
  /** Who proposes. */
  readonly account: string;
  /** Everything that has to be there afterwards. */
  readonly files: readonly PushedFile[];
  /** Paths of what may not be there anymore. */
  readonly removed: readonly string[];
}

/** What the Hub made. */
export interface Landed {
  readonly commit: string;
  readonly pullRequest?: number;
}

/** Sends the commit until it is known to be there; the answer that says so. */
export async function commitOnce(
  hub: Hub,
  plan: CommitPlan,
  url: string,
  init: RequestInit,
): Promise<Response> {
  const lookUp = async (): Promise<Response | undefined> => {
    const landed = await findLanded(hub, plan);
    return landed && answerFor(landed, plan, hub);
  };
  const response = await changeOnce(hub, url, init, lookUp);
  if (response.status !== 412) return await acceptedUpload(response, plan.id, hub);
  await response.body?.cancel().catch(() => undefined);
  const found = await lookUp();
  if (found !== undefined) return found;
  throw movedError(plan.id);
}

/** The commit where the files are; undefined where nothing happened. */
export async function findLanded(hub: Hub, plan: CommitPlan): Promise<Landed | undefined> {
  if (plan.createPr) return await findProposal(hub, plan);
  const { id, branch, parent } = plan;
  const head = await resolveCommit(hub, id, branch);
  if (head === parent) return undefined;
  if (await holds(hub, id, head, plan)) return { commit: head };
  throw movedError(id);
}

/** What the Hub would have said. */
function answerFor({ commit, pullRequest }: Landed, { id }: CommitPlan, hub: Hub): Response {
  const page = `${hub.settings.endpoint}/${id}`;
  return Response.json({
    success: true,
    commitOid: commit,
    commitUrl: `${page}/commit/${commit}`,
    ...(pullRequest !== undefined && { pullRequestUrl: `${page}/discussions/${pullRequest}` }),
  });
}
