// The branch that is written to. A repository or a branch that is not there is created.

import { ToolkitError } from '../base/errors.ts';
import { newPatience } from '../base/retry.ts';
import { apiOf, nonsense, posting, readJson } from './answer-json.ts';
import { accepted, beginningOf } from './answers.ts';
import { resolveCommit } from './listing.ts';
import { isCommit } from './names.ts';
import type { Hub } from './request.ts';
import { acceptedUpload } from './upload-answers.ts';

export interface TargetOptions {
  readonly id: string;
  readonly branch: string;
  /** Nobody else may see the repository. */
  readonly isPrivate: boolean;
  /** The files are proposed, so nothing is created. */
  readonly createPr: boolean;
}

/** The commit that a push to a branch would come after; undefined where there is none. */
export async function findParent(
  hub: Hub,
  id: string,
  branch: string,
): Promise<string | undefined> {
  const found = await findHead(hub, { id, branch });
  if (typeof found === 'object') return found.commit;
  // a new branch begins where main is
  return found === 'branch' && branch !== 'main' ? await findParent(hub, id, 'main') : undefined;
}

/** Makes sure that the branch is there; its commit. */
export async function openTarget(hub: Hub, options: TargetOptions): Promise<string> {
  const { id, branch, createPr } = options;
  const found = await findHead(hub, options);
  if (typeof found === 'object') {
    if (options.isPrivate && !found.isPrivate) throw publicError(hub, id);
    return found.commit;
  }
  if (createPr) {
    throw new ToolkitError('INPUT_MISSING', `there is no such ${found} to propose the files to`, {
      where: { repository: id, revision: branch },
      fix: 'check its name, or leave out --create-pr, which creates it',
    });
  }
  if (found === 'repository') await createRepository(hub, options);
  if (found === 'branch' || branch !== 'main') await createBranch(hub, id, branch);
  return await resolveCommit(hub, id, branch);
}

type Found = { readonly commit: string; readonly isPrivate: boolean } | 'repository' | 'branch';

/** The branch's commit, or what is missing. */
async function findHead(
  hub: Hub,
  { id, branch }: Pick<TargetOptions, 'id' | 'branch'>,
): Promise<Found> {
  const url = `${apiOf(hub, id)}/revision/${encodeURIComponent(branch)}`;
  const response = await hub.fetch(url);
  if (response.status === 404) {
    await response.body?.cancel();
    const missing = response.headers.get('x-error-code');
    return missing === 'RevisionNotFound' ? 'branch' : 'repository';
  }
  const asked = { id, revision: branch };
  const { value } = await readJson(await accepted(response, asked, hub), url);
  const answer = value instanceof Map ? value : new Map<string, never>();
  const commit = answer.get('sha');
  if (!isCommit(commit)) throw nonsense('the server names no commit', url);
  return { commit, isPrivate: answer.get('private') === true };
}

async function createRepository(hub: Hub, { id, isPrivate }: TargetOptions): Promise<void> {
  const [organization, name] = id.split('/');
  const wanted = { name, organization, type: 'model', ...(isPrivate && { visibility: 'private' }) };
  const response = await createAlone(hub, posting(wanted));
  const isThere = await isThereNow(hub, id, response);
  // somebody was faster, or an earlier try went through
  if (isThere && isPrivate) await refusePublic(hub, id);
}

/** The Hub creates one repository of an owner at a time, and says 409 for that too. */
async function createAlone(hub: Hub, init: RequestInit): Promise<Response> {
  const patience = newPatience(hub.clock);
  for (;;) {
    const response = await hub.fetch(`${hub.settings.endpoint}/api/repos/create`, init);
    if (response.status !== 409) return response;
    const said = await beginningOf(response);
    const isBusy = said.includes('conflicting operation');
    if (!isBusy || !(await patience.wait(response.headers))) return response;
  }
}

async function isThereNow(hub: Hub, id: string, response: Response): Promise<boolean> {
  const isConflict = response.status === 409;
  if (!isConflict) await acceptedUpload(response, id, hub);
  if (!response.bodyUsed) await response.body?.cancel();
  return isConflict;
}

async function refusePublic(hub: Hub, id: string): Promise<void> {
  const found = await findHead(hub, { id, branch: 'main' });
  if (typeof found === 'object' && !found.isPrivate) throw publicError(hub, id);
}

async function createBranch(hub: Hub, id: string, branch: string): Promise<void> {
  const url = `${apiOf(hub, id)}/branch/${encodeURIComponent(branch)}`;
  await isThereNow(hub, id, await hub.fetch(url, posting({})));
}

function publicError(hub: Hub, id: string): ToolkitError {
  return new ToolkitError('NOT_PERMITTED', 'the repository is there, and everybody can see it', {
    where: { repository: id },
    fix: `make it private at ${hub.settings.endpoint}/${id}/settings, or leave out --private`,
  });
}
