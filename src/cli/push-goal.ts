// Where each of many outputs is published: to a repository of its own, by a pattern, or to a branch
// of one repository.

import { ToolkitError } from '../base/errors.ts';
import { checkPushTarget } from '../push.ts';
import type { ManySources } from './convert-grammar.ts';
import { labelOf, type NamedSource } from './source-list.ts';

export interface PushGoal {
  readonly repository: string;
  readonly revision: string;
}

/** The goal of each source, by the name of its output folder. */
export function pushGoals(
  pattern: string,
  many: ManySources,
  sources: readonly NamedSource[],
): ReadonlyMap<string, PushGoal> {
  const goals = new Map<string, PushGoal>();
  const taken = new Map<string, NamedSource>();
  for (const source of sources) {
    const goal = goalOf(pattern, many, source);
    checkPushTarget(goal.repository, goal.revision);
    // the Hub does not tell case apart
    const key = `${goal.repository.toLowerCase()}@${goal.revision}`;
    const other = taken.get(key);
    if (other !== undefined) throw sameGoal(goal, other, source);
    taken.set(key, source);
    goals.set(source.name, goal);
  }
  return goals;
}

const placeholder = '{name}';

function goalOf(pattern: string, many: ManySources, { name, revision }: NamedSource): PushGoal {
  if (pattern.includes(placeholder)) {
    return { repository: pattern.replaceAll(placeholder, repositoryName(name)), revision: 'main' };
  }
  if (many.revisions !== undefined && revision !== undefined) {
    return { repository: pattern, revision };
  }
  throw new ToolkitError('USAGE', '--push-to names one repository, and there are many sources', {
    where: { repository: pattern },
    fix: 'write {name} where the name of each output belongs, as in me/{name}',
  });
}

/** The Hub takes no `@`, and no two dashes or dots in a row. */
function repositoryName(name: string): string {
  return name.replaceAll(/[^\w.]+/g, '-').replaceAll(/\.{2,}/g, '.');
}

function sameGoal(goal: PushGoal, one: NamedSource, other: NamedSource): ToolkitError {
  return new ToolkitError('USAGE', 'two sources would be pushed to the same place', {
    where: { repository: goal.repository, sources: [labelOf(one), labelOf(other)] },
    fix: 'push them in two runs, to two repositories',
  });
}
