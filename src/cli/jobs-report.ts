// What became of each job: a document, a table, and the end of the log of each that failed.

import { type ErrorCode, errorCodes, printable, ToolkitError } from '../base/errors.ts';
import { hasCompleted, type Job } from '../hub/jobs.ts';
import { driftedText } from './convert-text.ts';
import { type Failure, failureOf } from './failure.ts';
import { formatTable } from './sizes.ts';

/** converted, done by an earlier run, drifted from the reference outputs, or failed. */
export type JobEnd = 'converted' | 'done' | 'drifted' | 'failed';

export interface JobEntry {
  /** As it stands in the list. */
  readonly source: string;
  /** What it was at the time; left out where it was not found. */
  readonly commit?: string;
  /** Where the models are pushed. */
  readonly repository: string;
  readonly branch: string;
  readonly status: JobEnd;
  /** The job's id and page; left out where none was started. */
  readonly job?: string;
  readonly url?: string;
  /** How long the job ran, as far as the Hub says. */
  readonly seconds?: number;
  readonly error?: Failure;
  /** Of a conversion that drifted. */
  readonly parity?: 'fail';
  /** Last lines of the log of a job that failed. */
  readonly log?: readonly string[];
}

/** Whether a job failed as its models did not pass: it ran this version, whose words are known. */
export function hasDrifted(log: readonly string[]): boolean {
  return log.some((line) => line === driftedText || line === '1 drifted');
}

/** Why a job ended without its work done: what the conversion said, or else what the Hub says. */
export function failureOfJob(job: Job, log: readonly string[], url: string): Failure {
  const said = log.map((line) => /^error\[([A-Z_]+)\]: (.+)$/.exec(line)).findLast(Boolean);
  const [, name = '', message = ''] = said ?? [];
  // one that was ended from outside says so of itself, and this run was not
  if (isErrorCode(name) && name !== 'INTERRUPTED') {
    return { code: name, message, fix: undefined, exitCode: errorCodes[name] };
  }
  return failureOf(
    new ToolkitError('JOB_FAILED', 'the job ended before its work was done', {
      where: { stage: job.stage, ...(job.message !== undefined && { said: job.message }) },
      fix: `see its log at ${url}, and run again to start another`,
    }),
  );
}

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorCodes, name);
}

/** How many jobs are in which stage. */
export function stagesText(jobs: readonly Job[]): string {
  const stages = [...new Set(jobs.map(({ stage }) => stage))];
  return stages
    .map((stage) => {
      const count = jobs.filter((job) => job.stage === stage).length;
      return `${count} ${stage.toLowerCase()}`;
    })
    .join(', ');
}

/** The table, a line that counts, and logs. */
export function jobsText(entries: readonly JobEntry[]): string {
  const rows = entries.map(({ source, repository, branch, seconds, status, error }) => [
    printable(source),
    branch === 'main' ? repository : `${repository}@${branch}`,
    seconds === undefined ? '-' : `${seconds.toFixed(1)} s`,
    error === undefined ? status : `${status} (${error.code})`,
  ]);
  const counts = (['converted', 'done', 'drifted', 'failed'] as const)
    .map((wanted) => [entries.filter(({ status }) => status === wanted).length, wanted] as const)
    .filter(([count]) => count > 0)
    .map(([count, status]) => `${count} ${status}`);
  const table = formatTable([['', 'pushed to', 'time', 'status'], ...rows]);
  return `${table}${counts.join(', ')}\n${entries.map(logText).join('')}`;
}

function logText({ source, url = '', log = [] }: JobEntry): string {
  if (log.length === 0) return '';
  const lines = log.map((line) => `  ${line}\n`).join('');
  return `\nThe log of ${printable(source)} ends with (${url}):\n${lines}`;
}

/** Whether a job did its work, and for whom. */
export function endOf(job: Job, started: boolean): JobEnd {
  if (!hasCompleted(job)) return 'failed';
  return started ? 'converted' : 'done';
}
