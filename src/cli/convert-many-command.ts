// `convert` for many sources, one after another in one process: a source that fails does not keep
// the others from being converted, and what an earlier run finished is not done again.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { createError } from '../onnx/file-errors.ts';
import type { Context, Outcome } from './command.ts';
import { convertCommand } from './convert-command.ts';
import type { ConvertFlags, ManySources } from './convert-grammar.ts';
import { failureOf } from './failure.ts';
import {
  askedFor,
  isMadeFrom,
  type PushedRun,
  readOutputManifest,
  readRuns,
  type Runs,
  wholeOutput,
  writeRuns,
} from './finished-output.ts';
import { exitCodeOf, figuresOf, type ManyEntry, manyText, worstOf } from './many-report.ts';
import { pushedBefore, pushOutput, removeOutput } from './pushed-output.ts';
import { checkPush } from './push-command.ts';
import { type PushGoal, pushGoals } from './push-goal.ts';
import { openSourceFolder } from './open-source.ts';
import { readSourceList } from './read-source-list.ts';
import { labelOf, type NamedSource, nameSources } from './source-list.ts';

export async function convertManyCommand(
  many: ManySources,
  given: ConvertFlags,
  context: Context,
): Promise<Outcome> {
  const { pushTo } = given;
  const flags = pushTo === undefined ? given : { ...given, verify: true };
  const folder = outputOf(flags);
  const sources = nameSources(await readSourceList(many));
  const goals = pushTo === undefined ? undefined : pushGoals(pushTo, many, sources);
  const [goal] = goals?.values() ?? [];
  if (goal !== undefined) await checkPush(goal.repository, goal.revision, context);
  const asked = await askedFor(flags);
  await makeFolder(folder);
  let runs = await readRuns(folder);
  const entries: ManyEntry[] = [];
  for (const source of sources) {
    const step = `${entries.length + 1} of ${sources.length}`;
    context.messages.note(`${step}: ${labelOf(source)}`);
    const target = join(folder, source.name);
    const job = { source, flags, context, asked, target, goal: goals?.get(source.name) };
    const keep = async (pushed?: PushedRun): Promise<void> => {
      runs = new Map([...runs, [source.name, { asked, ...(pushed && { pushed }) }]]);
      await writeRuns(folder, runs, context.interrupts);
    };
    entries.push(await timed(source, context, () => publishOne(job, runs, keep)));
  }
  const exitCode = exitCodeOf(entries);
  return {
    passed: exitCode === 0,
    exitCode,
    text: manyText(entries),
    document: { output: { folder }, conversions: entries },
  };
}

function outputOf({ output, dryRun }: ConvertFlags): string {
  if (dryRun === true) {
    throw new ToolkitError('USAGE', '--dry-run is for one source', {
      fix: 'try it with one of them first',
    });
  }
  if (output !== undefined) return output;
  throw new ToolkitError('USAGE', 'a folder for the outputs is missing', {
    fix: 'name one with --output',
  });
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw createError(error, { output: folder });
  }
}

type Found = Omit<ManyEntry, 'source' | 'name' | 'seconds'>;

async function timed(
  source: NamedSource,
  { messages, progress, interrupts }: Context,
  work: () => Promise<Found>,
): Promise<ManyEntry> {
  const started = performance.now();
  const found = await work().catch((error: unknown): Found => {
    // what an interruption breaks off is no failure of its own, and nothing follows it
    if (interrupts.interrupted()) throw error;
    const failure = failureOf(error);
    messages.fail(failure);
    return { status: 'failed', sizes: {}, error: failure };
  });
  progress.clear();
  const seconds = (performance.now() - started) / 1000;
  return { source: labelOf(source), name: source.name, seconds, ...found };
}

interface Job {
  readonly source: NamedSource;
  readonly flags: ConvertFlags;
  readonly context: Context;
  readonly asked: string;
  readonly target: string;
  /** Where the output is published. */
  readonly goal: PushGoal | undefined;
}

/** Converts a source and, where that is asked for, publishes the output and removes it. */
async function publishOne(
  job: Job,
  runs: Runs,
  keep: (pushed?: PushedRun) => Promise<void>,
): Promise<Found> {
  const { source, flags, context, asked, target, goal } = job;
  if (goal === undefined) return await convertOne(job, runs, keep);
  const before = await pushedBefore(runs.get(source.name), asked, goal, source, context);
  if (before !== undefined) {
    // a run that was killed may have left it
    await removeOutput(target);
    return { status: 'done', ...figuresOf(before) };
  }
  const found = await convertOne(job, runs, keep);
  if (found.status === 'drifted') return found;
  await keep(await pushOutput(target, goal, flags.private === true, context));
  await removeOutput(target);
  return { ...found, status: 'pushed' };
}

async function convertOne(
  { source: { source, name, revision }, flags, context, asked, target }: Job,
  runs: Runs,
  keep: () => Promise<void>,
): Promise<Found> {
  const isThere = existsSync(target);
  if (isThere && runs.get(name)?.asked === asked) {
    const manifest = await wholeOutput(target);
    const wanted = { ...flags, ...(revision !== undefined && { revision }) };
    const { folder } = await openSourceFolder(source, wanted, context);
    if (manifest && (await isMadeFrom(folder, manifest))) {
      return { status: 'done', ...figuresOf(manifest) };
    }
  }
  // what lies there may be of other options until it is replaced
  if (!isThere) await keep();
  const one = { ...flags, output: target, ...(revision !== undefined && { revision }) };
  const outcome = await convertCommand(source, one, context);
  if (!outcome.passed) {
    return { status: 'drifted', sizes: {}, parity: 'fail', ...worstOf(reportsIn(outcome)) };
  }
  await keep();
  return { status: 'converted', ...figuresOf(await readOutputManifest(target)) };
}

type Figures = Readonly<Record<string, number>>;

function reportsIn({ document }: Outcome): readonly { readonly figures: Figures }[] {
  const { reports } = document;
  return Array.isArray(reports) ? (reports as readonly { readonly figures: Figures }[]) : [];
}
