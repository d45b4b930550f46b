// Outputs of a conversion of many that were published and then removed, so that the disk holds one
// at a time. What the record keeps of them tells the next run whether anything is left to do.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Manifest } from '../base/manifest.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { readHubSettings } from '../hub/file-settings.ts';
import { resolveCommit } from '../hub/listing.ts';
import { isHubId } from '../hub/names.ts';
import { openHub } from '../hub/request.ts';
import type { Context } from './command.ts';
import { isMadeFrom, type PushedRun, type Run } from './finished-output.ts';
import { pushFolder } from './push-command.ts';
import type { PushGoal } from './push-goal.ts';
import type { NamedSource } from './source-list.ts';

/** Publishes an output; what to remember of it. */
export async function pushOutput(
  folder: string,
  { repository, revision }: PushGoal,
  isPrivate: boolean,
  context: Context,
): Promise<PushedRun> {
  const { commit, manifest } = await pushFolder(
    folder,
    repository,
    { revision, isPrivate },
    context,
  );
  context.messages.note(`pushed to ${repository} (${revision}): ${commit}`);
  return { to: labelOf({ repository, revision }), commit, manifest };
}

/** The manifest of an output that was published there, of what the source still is. */
export async function pushedBefore(
  run: Run | undefined,
  asked: string,
  goal: PushGoal,
  source: NamedSource,
  context: Context,
): Promise<Manifest | undefined> {
  const pushed = run?.pushed;
  if (run?.asked !== asked || pushed?.to !== labelOf(goal)) return undefined;
  return (await isStill(source, pushed.manifest, context)) ? pushed.manifest : undefined;
}

/** Removes an output that was published. */
export async function removeOutput(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

function labelOf({ repository, revision }: PushGoal): string {
  return `${repository}@${revision}`;
}

async function isStill(
  { source, revision = 'main' }: NamedSource,
  manifest: Manifest,
  { env }: Context,
): Promise<boolean> {
  if (existsSync(source) || !isHubId(source)) {
    return await isMadeFrom(await openFolder(source), manifest);
  }
  // the commit tells, without fetching anything
  const commit = await resolveCommit(openHub(readHubSettings(env)), source, revision);
  const hub = { id: source, revision: commit };
  return await isMadeFrom({ name: source, hub, ...nothing }, manifest);
}

/** A folder that need not be looked into. */
const nothing = {
  list: async (): Promise<readonly string[]> => [],
  open: async (): Promise<undefined> => undefined,
};
