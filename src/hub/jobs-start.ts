// Starting a job exactly once. Jobs cost money and write to one repository, so what was asked for is
// looked up first: it may be running, or done, or begun by a request whose answer was lost.

import { runJob } from '@huggingface/hub';
import { ToolkitError } from '../base/errors.ts';
import { changeOnce } from './change-once.ts';
import { access, findJobs, hasCompleted, hasEnded, type Job, jobOf } from './jobs.ts';
import { acceptedWhole, inJson } from './jobs-answers.ts';
import type { Hub } from './request.ts';

/** What a job is to do, and where. */
export interface JobRequest {
  /** The account that pays for it. */
  readonly namespace: string;
  /** Kind of machine, as the Hub names it. */
  readonly flavor: string;
  readonly command: readonly string[];
  /** Readable by anybody who may see the job. */
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of the label by which the job is found again: its value is that of no other request. */
  readonly key: string;
}

/** A job, and whether this run started it. */
export interface StartedJob {
  readonly job: Job;
  readonly started: boolean;
}

const image = 'node:22';

/** A job ends with its work; this ends one that hangs. The Hub's own limit is half an hour. */
const timeoutSeconds = 6 * 3600;

/** The Hub lists by then what a request has begun whose answer was lost. */
const settleMs = 2000;

/** The job of a request: the one that runs or has completed, else a new one. */
export async function startJob(hub: Hub, request: JobRequest, again = false): Promise<StartedJob> {
  const { namespace, key, labels } = request;
  const label = [key, labels[key] ?? ''] as const;
  const before = await findJobs(hub, namespace, label);
  const running = before.find((job) => !hasEnded(job));
  const found = running ?? (again ? undefined : before.find(hasCompleted));
  if (found !== undefined) return { job: found, started: false };
  const known = new Set(before.map(({ id }) => id));
  const lookUp = async (): Promise<Job | undefined> => {
    await hub.clock.sleep(settleMs);
    return (await findJobs(hub, namespace, label)).find(({ id }) => !known.has(id));
  };
  try {
    return { job: await post(hub, request, lookUp), started: true };
  } catch (error) {
    const job = isUnclear(error) ? await lookUp() : undefined;
    if (job === undefined) throw error;
    return { job, started: true };
  }
}

/** Whether a job may have been started although the request failed. */
function isUnclear(error: unknown): boolean {
  return (
    error instanceof ToolkitError &&
    (error.code === 'HUB_UNREACHABLE' || error.code === 'REMOTE_MISMATCH')
  );
}

async function post(
  hub: Hub,
  { namespace, flavor, command, environment, labels }: JobRequest,
  lookUp: () => Promise<Job | undefined>,
): Promise<Job> {
  const answerOf = async (): Promise<Response | undefined> => {
    const job = await lookUp();
    return job && Response.json({ id: job.id, status: { stage: job.stage }, labels: job.labels });
  };
  const ask: typeof fetch = async (url, init) =>
    await acceptedWhole(await changeOnce(hub, String(url), init ?? {}, answerOf), hub);
  const { token } = hub.settings;
  const sent = {
    namespace,
    flavor: flavor as Parameters<typeof runJob>[0]['flavor'],
    dockerImage: image,
    command: [...command],
    environment: { ...environment },
    secrets: token === undefined ? {} : { HF_TOKEN: token },
    timeoutSeconds,
    // a conversion that failed would fail again, and be paid for again
    attempts: 1,
    labels: { ...labels },
  };
  const answer = await inJson(
    hub,
    async () => await runJob({ ...access(hub), fetch: ask, ...sent }),
  );
  return jobOf(answer, hub);
}
