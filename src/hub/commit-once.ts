// The commit, which must not happen twice. A connection that breaks says nothing about what the
// server did: before another try the branch, or the list of proposals, is read and compared.

import { ToolkitError } from '../base/errors.ts';
import { mayPass, newPatience } from '../base/retry.ts';
import { missingFiles, type PushedFile } from './held-files.ts';
import { resolveCommit } from './listing.ts';
import { findProposal } from './proposals.ts';
import { type Hub, unreachable } from './request.ts';
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
  const { id } = plan;
  const patience = newPatience(hub.clock);
  for (;;) {
    const result = await hub.fetchOnce(url, init).catch((error: unknown) => {
      if (error instanceof ToolkitError || init.signal?.aborted === true) throw error;
      return error instanceof Error ? error : new Error(String(error));
    });
    const response = result instanceof Response ? result : undefined;
    const isUnclear = response === undefined || mayPass(response.status);
    if (!isUnclear && response.status !== 412) return await acceptedUpload(response, id, hub);
    await response?.body?.cancel().catch(() => undefined);
    const landed = await findLanded(hub, plan);
    if (landed !== undefined) return answerFor(landed, plan, hub);
    if (!isUnclear) throw movedError(id);
    if (await patience.wait(response?.headers, init.signal ?? undefined)) continue;
    throw unreachable(new URL(url), result, patience, hub.redact);
  }
}

/** The commit where the files are; undefined where nothing happened. */
export async function findLanded(hub: Hub, plan: CommitPlan): Promise<Landed | undefined> {
  if (plan.createPr) return await findProposal(hub, plan);
  const { id, branch, parent, files } = plan;
  const head = await resolveCommit(hub, id, branch);
  if (head === parent) return undefined;
  if ((await missingFiles(hub, id, head, files)).length === 0) return { commit: head };
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
