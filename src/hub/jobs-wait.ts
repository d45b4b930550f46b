// Waiting for jobs. They go on whatever happens here, so a connection that is gone for a while does
// not end the wait.

import { ToolkitError } from '../base/errors.ts';
import { hasEnded, type Job, readJob } from './jobs.ts';
import type { Hub } from './request.ts';

/** A job as it was seen last, and why it is looked at no more though it goes on. */
export interface SeenJob {
  readonly job: Job;
  readonly error?: ToolkitError;
}

/** Looks follow each other after one second at first, then less and less often up to this. */
const longestPauseMs = 15_000;

/** Each job is one request, and the Hub takes some hundred of them in five minutes. */
const leastMsPerJob = 1000;

/** So many looks in a row may fail: ten minutes or so. */
const mostMisses = 20;

interface Watched extends SeenJob {
  readonly misses: number;
}

/** Waits until all jobs have ended; `onLook` is told how they are, and when the next look is. */
export async function waitForJobs(
  hub: Hub,
  namespace: string,
  jobs: readonly Job[],
  onLook: (jobs: readonly Job[], nextMs: number) => void,
): Promise<readonly SeenJob[]> {
  let watched: readonly Watched[] = jobs.map((job) => ({ job, misses: 0 }));
  for (let pauseMs = 1000; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const open = watched.filter(isOpen);
    const nextMs = open.length === 0 ? 0 : Math.max(pauseMs, open.length * leastMsPerJob);
    onLook(
      watched.map(({ job }) => job),
      nextMs,
    );
    if (open.length === 0) return watched;
    await hub.clock.sleep(nextMs);
    const seen: Watched[] = [];
    for (const each of watched) seen.push(isOpen(each) ? await look(hub, namespace, each) : each);
    watched = seen;
  }
}

function isOpen({ job, error }: Watched): boolean {
  return error === undefined && !hasEnded(job);
}

async function look(hub: Hub, namespace: string, { job, misses }: Watched): Promise<Watched> {
  try {
    return { job: await readJob(hub, namespace, job.id), misses: 0 };
  } catch (error) {
    if (!(error instanceof ToolkitError)) throw error;
    const passes = error.code === 'HUB_UNREACHABLE' && misses + 1 < mostMisses;
    return passes ? { job, misses: misses + 1 } : { job, misses, error };
  }
}
