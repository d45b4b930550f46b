// Sends files and commits them, through the Hub's own library; the connection is ours, so that
// retries, limits, refusals and secrets are handled as everywhere.

import { ToolkitError } from '../base/errors.ts';
import { type CommitPlan, commitOnce, type Landed } from './commit-once.ts';
import type { PushedFile } from './held-files.ts';
import { isCommit } from './names.ts';
import { type Hub, placeOf } from './request.ts';
import { acceptedUpload, checkTransfer, foreignError } from './upload-answers.ts';

export interface UploadOptions {
  readonly description: string;
  /** The files that are not there yet. */
  readonly missing: readonly PushedFile[];
  /** Ended by whoever finds that a file cannot be sent; its reason is the error. */
  readonly failing: AbortSignal;
}

/** An address for an upload may be spent, or too old: a new one is asked for so often. */
const maxRounds = 3;

/** Uploads what is missing, and makes one commit of it. */
export async function upload(hub: Hub, plan: CommitPlan, options: UploadOptions): Promise<Landed> {
  for (let round = 1; ; round++) {
    const session = createSession(hub, plan);
    try {
      return await run(hub, plan, options, session);
    } catch (error) {
      if (options.failing.aborted) throw options.failing.reason;
      const first = session.failure() ?? error;
      if (!(first instanceof SpentAddress)) throw foreignError(first, plan.id, hub);
      if (round === maxRounds) throw first.refusal;
    }
  }
}

async function run(
  hub: Hub,
  { id, branch, parent, createPr, title, removed }: CommitPlan,
  { description, missing, failing }: UploadOptions,
  session: Session,
): Promise<Landed> {
  // loaded when something is sent: no other command takes it
  const { commitIter } = await import('@huggingface/hub');
  const steps = commitIter({
    repo: { type: 'model', name: id },
    hubUrl: hub.settings.endpoint,
    branch,
    parentCommit: parent,
    isPullRequest: createPr,
    title,
    description,
    operations: [
      ...missing.map(({ path, content }) => ({ operation: 'addOrUpdate', path, content }) as const),
      ...removed.map((path) => ({ operation: 'delete', path }) as const),
    ],
    // its addresses and tokens would be retried by rules of its own
    useXet: false,
    fetch: session.fetch,
    abortSignal: failing,
  });
  let step = await steps.next();
  while (step.done !== true) step = await steps.next();
  const { commit, pullRequestUrl = '' } = step.value ?? {};
  if (!isCommit(commit?.oid)) throw new Error('the server names no commit');
  const number = /\/discussions\/(\d+)$/.exec(pullRequestUrl)?.[1];
  return { commit: commit.oid, ...(number !== undefined && { pullRequest: Number(number) }) };
}

interface Session {
  readonly fetch: typeof fetch;
  /** The first error: the library may hide it behind others. */
  readonly failure: () => unknown;
}

/** A storage's refusal of an address that the Hub gave out. */
class SpentAddress extends Error {
  readonly refusal: ToolkitError;

  constructor(refusal: ToolkitError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

function createSession(hub: Hub, plan: CommitPlan): Session {
  let failure: unknown;
  const hashes = new Set(plan.files.map(({ sha256 }) => sha256));
  const send: typeof fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const { pathname } = new URL(url);
    if (/\/api\/models\/.+\/commit\//.test(pathname)) {
      return await commitOnce(hub, plan, url, init);
    }
    const isBatch = pathname.endsWith('/info/lfs/objects/batch');
    if (isBatch) checkHashes(init, hashes);
    const response = await hub.fetch(input, init);
    if (response.ok && isBatch) await checkTransfer(response, plan.id);
    const isApi = isBatch || pathname.includes('/preupload/');
    if (isApi || response.ok) return await acceptedUpload(response, plan.id, hub);
    throw await storageError(response, url, plan.id, hub);
  };
  return {
    failure: () => failure,
    fetch: async (input, init) => {
      try {
        return await send(input, init);
      } catch (error) {
        failure ??= error;
        throw error;
      }
    },
  };
}

/** The library hashes what it sends: anything else than what was listed has changed since. */
function checkHashes({ body }: RequestInit, hashes: ReadonlySet<string>): void {
  const { objects } = JSON.parse(String(body)) as { readonly objects: { readonly oid: string }[] };
  if (objects.every(({ oid }) => hashes.has(oid))) return;
  throw new ToolkitError('FILE_CHANGED', 'a file changed before it was uploaded', {
    fix: 'verify the folder, and run again',
  });
}

async function storageError(response: Response, url: string, id: string, hub: Hub): Promise<Error> {
  const { status } = response;
  const isFull = status === 402 || status === 413 || status === 507;
  try {
    await acceptedUpload(response, id, hub);
  } catch (error) {
    if (isFull) return error as ToolkitError;
  }
  const refusal = new ToolkitError('HUB_UNREACHABLE', 'the storage refuses a file', {
    where: { repository: id, url: placeOf(new URL(url)), status },
    fix: 'run again: what was uploaded is not sent again',
  });
  return new SpentAddress(refusal);
}
