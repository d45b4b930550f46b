// What is handed to jobs: repositories at revisions, each with the place that its conversion goes
// to. Everything that a job could not do is refused before anything is asked of the Hub.

import { existsSync } from 'node:fs';
import { ToolkitError } from '../base/errors.ts';
import { checkRevision, isHubId } from '../hub/names.ts';
import { checkPushTarget } from '../push.ts';
import type { ConvertFlags, ConvertRequest } from './convert-grammar.ts';
import { type PushGoal, pushGoals } from './push-goal.ts';
import { readSourceList } from './read-source-list.ts';
import { type ListedSource, nameSources } from './source-list.ts';

/** A source of the Hub, and where its conversion is published. */
export interface TargetedSource extends ListedSource {
  readonly goal: PushGoal;
}

/** The sources of a command line with --jobs. */
export async function jobSources(request: ConvertRequest): Promise<readonly TargetedSource[]> {
  const { flags, many } = request;
  const target = targetOf(flags);
  if (many === undefined) {
    const source = sourceOf(request);
    checkSource(source);
    checkPushTarget(target, 'main');
    return [{ ...source, goal: { repository: target, revision: 'main' } }];
  }
  const sources = nameSources(await readSourceList(many));
  for (const source of sources) checkSource(source);
  const goals = pushGoals(target, many, sources);
  return sources.flatMap(({ name, ...source }) => {
    const goal = goals.get(name);
    return goal === undefined ? [] : [{ ...source, goal }];
  });
}

function sourceOf({
  source,
  flags: { revision },
}: Extract<ConvertRequest, { readonly many?: undefined }>): ListedSource {
  return { source, ...(revision !== undefined && { revision }) };
}

/** Options that are about this machine. */
const local = [
  ['calibration', '--calibration names a file of this machine, which a job does not see'],
  ['golden', '--golden names a file of this machine, which a job does not see'],
  ['output', '--output names a folder of this machine, and a job writes none here'],
  ['dryRun', '--dry-run is for a conversion on this machine'],
] as const;

function targetOf(flags: ConvertFlags): string {
  for (const [name, rule] of local) {
    if (flags[name] === undefined) continue;
    throw new ToolkitError('USAGE', rule, { fix: 'leave it out, or convert here without --jobs' });
  }
  if (flags.pushTo !== undefined) return flags.pushTo;
  throw new ToolkitError('USAGE', 'the disk of a job is gone when it ends', {
    fix: 'say with --push-to owner/name where the models go',
  });
}

function checkSource({ source, revision }: ListedSource): void {
  if (existsSync(source)) {
    throw new ToolkitError('USAGE', 'a job does not see a folder of this machine', {
      where: { source },
      fix: 'convert it here without --jobs, or push it to the Hub first',
    });
  }
  if (!isHubId(source)) {
    throw new ToolkitError('USAGE', 'a job takes a repository of the Hub', {
      where: { source },
      fix: 'give its id, as owner/name',
    });
  }
  if (revision !== undefined) checkRevision(revision);
}
