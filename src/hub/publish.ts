// Files to a repository in one commit, so that no part of a model is ever on a branch: where to,
// what is missing there, the upload, and a look at what the Hub then holds.

import { ToolkitError } from '../base/errors.ts';
import type { Account } from './account.ts';
import { type CommitPlan, findLanded, type Landed } from './commit-once.ts';
import { findFiles } from './listing.ts';
import { missingFiles, type PushedFile } from './held-files.ts';
import type { Hub } from './request.ts';
import { staleFiles } from './stale-files.ts';
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
  /** Told why files of an earlier push stay. */
  readonly onWarning: (sentence: string) => void;
}

export interface Published {
  /** Where the files are; forty hexadecimal digits. */
  readonly commit: string;
  readonly pullRequest?: number;
  /** Paths of the files that were not there before. */
  readonly added: readonly string[];
  /** Paths of the files of an earlier push that are gone. */
  readonly removed: readonly string[];
}

/**
 * Publishes files, which may depend on the commit they come after; those that are there as they
 * are, are left as they are, and those of an earlier push that are no longer among them are removed.
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
  const removed = await staleFiles(hub, { id, commit: parent, files }, options.onWarning);
  if (missing.length + removed.length === 0) return { commit: parent, added: [], removed };
  const plan = { id, branch, parent, createPr, title, account: account.name, files, removed };
  const proposed = createPr ? await findLanded(hub, plan) : undefined;
  if (proposed !== undefined) return { ...proposed, added: [], removed: [] };
  options.onMissing(missing);
  const landed = await upload(hub, plan, { description, missing, failing });
  await checkLanded(hub, plan, landed);
  return { ...landed, added: missing.map(({ path }) => path), removed };
}

async function checkLanded(
  hub: Hub,
  { id, files, removed }: CommitPlan,
  { commit }: Landed,
): Promise<void> {
  const missing = await missingFiles(hub, id, commit, files);
  const left = removed.length === 0 ? [] : (await findFiles(hub, id, commit, removed)).keys();
  const wrong = [...missing.map(({ path }) => path), ...left];
  if (wrong.length === 0) return;
  throw new ToolkitError('REMOTE_MISMATCH', 'the Hub holds other bytes than were sent', {
    where: { repository: id, revision: commit, files: wrong },
    fix: 'run again; if it stays so, check HF_ENDPOINT and proxies',
  });
}
