// `convert --jobs`: hands each source to a job of the Hub, which converts and pushes it, and waits
// until all have ended. What an earlier run started is not started twice.

import { openHub, type Hub } from '../hub/request.ts';
import { readHubSettings } from '../hub/file-settings.ts';
import { hasCompleted, hasEnded, type Job, jobPage } from '../hub/jobs.ts';
import { accountFor } from '../hub/jobs-account.ts';
import { logEnd } from '../hub/jobs-log.ts';
import { startJob } from '../hub/jobs-start.ts';
import { type SeenJob, waitForJobs } from '../hub/jobs-wait.ts';
import { resolveCommit } from '../hub/listing.ts';
import type { Clock } from '../base/retry.ts';
import type { Context, Outcome } from './command.ts';
import type { ConvertFlags, ConvertRequest } from './convert-grammar.ts';
import { failureOf } from './failure.ts';
import { jobRequest } from './job-command.ts';
import { jobSources, type TargetedSource } from './job-sources.ts';
import {
  endOf,
  failureOfJob,
  hasDrifted,
  type JobEntry,
  jobsText,
  stagesText,
} from './jobs-report.ts';
import { exitCodeOf } from './many-report.ts';
import { labelOf } from './source-list.ts';

/** `clock` is for tests. */
export async function convertJobsCommand(
  request: ConvertRequest,
  flavor: string,
  context: Context,
  clock?: Clock,
): Promise<Outcome> {
  const { flags } = request;
  const sources = await jobSources(request);
  const settings = readHubSettings(context.env, { offline: flags.offline === true });
  const hub = openHub(settings, clock && { clock });
  const namespace = await accountFor(hub, sources[0]?.goal.repository ?? '');
  const work = { hub, namespace, flavor, flags, context };
  const release = context.interrupts.guard(async () => {
    await Promise.resolve();
    const page = `${settings.endpoint}/jobs/${namespace}`;
    context.messages.note(
      `jobs go on without this command (${page}); run again, it waits for the same ones`,
    );
  });
  try {
    const entries = await runJobs(sources, work);
    const exitCode = exitCodeOf(entries);
    return {
      passed: exitCode === 0,
      exitCode,
      text: jobsText(entries),
      document: { namespace, flavor, conversions: entries },
    };
  } finally {
    release();
  }
}

interface Work {
  readonly hub: Hub;
  readonly namespace: string;
  readonly flavor: string;
  readonly flags: ConvertFlags;
  readonly context: Context;
}

/** A source with its job, or with the reason why it has none. */
type Handed =
  | { readonly entry: JobEntry; readonly job?: undefined }
  | {
      readonly entry: Omit<JobEntry, 'status'> & { readonly url: string };
      readonly job: Job;
      readonly started: boolean;
    };

async function runJobs(
  sources: readonly TargetedSource[],
  work: Work,
): Promise<readonly JobEntry[]> {
  const handed: Handed[] = [];
  for (const source of sources) handed.push(await handOver(source, work));
  const { hub, namespace, context } = work;
  const jobs = handed.flatMap(({ job }) => (job === undefined ? [] : [job]));
  const seen = await waitForJobs(hub, namespace, jobs, tellOf(handed, work));
  context.progress.clear();
  const byId = new Map(seen.map((each) => [each.job.id, each]));
  const entries: JobEntry[] = [];
  for (const each of handed) entries.push(await entryOf(each, byId, work));
  return entries;
}

async function handOver(source: TargetedSource, work: Work): Promise<Handed> {
  const { hub, namespace, flavor, flags, context } = work;
  const { goal } = source;
  const { repository, revision: branch } = goal;
  const asked = { source: labelOf(source), repository, branch };
  try {
    const commit = await resolveCommit(hub, source.source, source.revision ?? 'main');
    const { endpoint } = hub.settings;
    const place = { namespace, flavor, endpoint };
    const request = jobRequest({ source: source.source, commit, goal }, flags, place);
    const { job, started } = await startJob(hub, request, flags.force === true);
    const url = jobPage(hub, namespace, job.id);
    context.messages.note(`${asked.source}: ${howItStands(job, started)} (${url})`);
    return { entry: { ...asked, commit, job: job.id, url }, job, started };
  } catch (error) {
    // what an interruption breaks off is no failure of its own
    if (context.interrupts.interrupted()) throw error;
    const failure = failureOf(error);
    context.messages.fail(failure);
    return { entry: { ...asked, status: 'failed', error: failure } };
  }
}

function howItStands(job: Job, started: boolean): string {
  if (started) return 'a job was started';
  return hasCompleted(job) ? 'a job has done this already' : 'a job for this goes on already';
}

/** Says which jobs have ended, each once, and how the others are. */
function tellOf(
  handed: readonly Handed[],
  { context }: Work,
): (jobs: readonly Job[], nextMs: number) => void {
  const told = new Set(handed.flatMap(({ job }) => (job && hasEnded(job) ? [job.id] : [])));
  const names = new Map(handed.map(({ job, entry }) => [job?.id, entry.source]));
  return (jobs, nextMs) => {
    for (const { id, stage } of jobs.filter((job) => hasEnded(job) && !told.has(job.id))) {
      told.add(id);
      context.messages.note(`${names.get(id) ?? id}: ${stage.toLowerCase()}`);
    }
    if (nextMs === 0) return;
    const next = `looking again in ${Math.round(nextMs / 1000)} s`;
    context.progress.status(`jobs: ${stagesText(jobs)}; ${next}`);
  };
}

async function entryOf(
  handed: Handed,
  seen: ReadonlyMap<string, SeenJob>,
  { hub, namespace, context }: Work,
): Promise<JobEntry> {
  if (handed.job === undefined) return handed.entry;
  const { entry, started } = handed;
  const { job, error } = seen.get(handed.job.id) ?? { job: handed.job };
  const found = { ...entry, ...(job.seconds !== undefined && { seconds: job.seconds }) };
  const status = endOf(job, started);
  if (status !== 'failed') return { ...found, status };
  const log = hasEnded(job) ? await logEnd(hub, namespace, job.id) : [];
  if (error === undefined && hasDrifted(log)) {
    return { ...found, status: 'drifted', parity: 'fail', log };
  }
  const failure = error === undefined ? failureOfJob(job, log, entry.url) : failureOf(error);
  context.messages.fail(failure);
  return { ...found, status, error: failure, ...(log.length > 0 && { log }) };
}
