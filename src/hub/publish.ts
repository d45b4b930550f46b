// Files to a repository in one commit, so that no part of a model is ever on a branch: where to,
// what is missing there, the upload, and a look at what the Hub then holds.

import { ToolkitError } from '../base/errors.ts';
import type { Account } from './account.ts';
import { type CommitPlan, findLanded, type Landed } from './commit-once.ts';
import { missingFiles, type PushedFile } from './held-files.ts';
import type { Hub } from './request.ts';
import { openTarget, type TargetOptions } from './target.ts';
import { upload } from './upload.ts';

export interface PublishOptions extends TargetOptions {
  readonly account: Account;
  readonly title: string;
  readonly description: string;
  /** Ended by whoever finds that a file cannot be sent; its reason is the error. */
  readonly failing: AbortSignal;
  /** Told of the files that are going to be sent. */
  readonly onMissing: (files: readonly PushedFile[]) => void;
}

export interface Published {
  /** Where the files are; forty hexadecimal digits. */
  readonly commit: string;
  readonly pullRequest?: number;
  /** Paths of the files that were not there before. */
  readonly added: readonly string[];
}

/**
 * Publishes files, which may depend on the commit they come after; those that are there as they
 * are, are left as they are.
 */
export async function publish(
  hub: Hub,
  filesAt: (parent: string) => Promise<readonly PushedFile[]>,
  options: PublishOptions,
): Promise<Published> {
  const { id, branch, account, createPr, title, description, failing } = options;
  const parent = await openTarget(hub, options);
  const files = await filesAt(parent);
  const missing = await missingFiles(hub, id, parent, files);
  if (missing.length === 0) return { commit: parent, added: [] };
  const plan: CommitPlan = { id, branch, parent, createPr, title, account: account.name, files };
  const proposed = createPr ? await findLanded(hub, plan) : undefined;
  if (proposed !== undefined) return { ...proposed, added: [] };
  options.onMissing(missing);
  const landed = await upload(hub, plan, { description, missing, failing });
  await checkLanded(hub, id, landed, files);
  return { ...landed, added: missing.map(({ path }) => path) };
}

async function checkLanded(
  hub: Hub,
  id: string,
  { commit }: Landed,
  files: readonly PushedFile[],
): Promise<void> {
  const wrong = await missingFiles(hub, id, commit, files);
  if (wrong.length === 0) return;
  throw new ToolkitError('REMOTE_MISMATCH', 'the Hub holds other bytes than were sent', {
    where: { repository: id, revision: commit, files: wrong.map(({ path }) => path) },
    fix: 'run again; if it stays so, check HF_ENDPOINT and proxies',
  });
}
