// Jobs of Hugging Face as the Hub tells of them. A job is found again by its labels, so nothing is
// kept on this machine.

import { getJob } from '@huggingface/hub';
import { nextPage, nonsense } from './answer-json.ts';
import { acceptedWhole, inJson } from './jobs-answers.ts';
import type { Hub } from './request.ts';

/** A job, as far as it matters here. */
export interface Job {
  readonly id: string;
  /** As the Hub calls it: SCHEDULING, RUNNING, COMPLETED, ERROR, CANCELED, DELETED. */
  readonly stage: string;
  /** What the Hub says about the stage. */
  readonly message?: string;
  /** How long it ran, once it has ended. */
  readonly seconds?: number;
  readonly labels: Readonly<Record<string, string>>;
}

const ended: ReadonlySet<string> = new Set([
  'COMPLETED',
  'ERROR',
  'CANCELED',
  'DELETED',
  // these are in the library's types only
  'STOPPED',
  'DELETING',
]);

/** Whether a job will do no more. */
export function hasEnded({ stage }: Job): boolean {
  return ended.has(stage);
}

/** Whether a job did its work. */
export function hasCompleted({ stage }: Job): boolean {
  return stage === 'COMPLETED';
}

/** The page where a job can be watched. */
export function jobPage({ settings }: Hub, namespace: string, id: string): string {
  return `${settings.endpoint}/jobs/${namespace}/${id}`;
}

/** The API's address of an account's jobs. */
function jobsAddress({ settings }: Hub, namespace: string): string {
  return `${settings.endpoint}/api/jobs/${namespace}`;
}

/** How a function of the Hub's library reaches the Hub; the token is added with the request. */
export function access(hub: Hub): {
  readonly hubUrl: string;
  readonly accessToken: string;
  readonly fetch: typeof fetch;
} {
  const ask: typeof fetch = async (input, init) =>
    await acceptedWhole(await hub.fetch(input, init), hub);
  return { hubUrl: hub.settings.endpoint, accessToken: '', fetch: ask };
}

/** How a job is now. */
export async function readJob(hub: Hub, namespace: string, id: string): Promise<Job> {
  return jobOf(
    await inJson(hub, async () => await getJob({ ...access(hub), namespace, jobId: id })),
    hub,
  );
}

const maxPages = 50;

/** All jobs with a label, those too that ended. */
export async function findJobs(
  hub: Hub,
  namespace: string,
  label: readonly [string, string],
): Promise<readonly Job[]> {
  const [name, value] = label;
  const jobs: Job[] = [];
  const start = new URL(jobsAddress(hub, namespace));
  start.searchParams.set('label', `${name}=${value}`);
  let url: string | undefined = start.href;
  // the library's listJobs knows neither labels nor further pages
  for (let pages = 0; url !== undefined; pages++) {
    if (pages === maxPages) throw nonsense('the list of jobs has no end', hub.settings.endpoint);
    const response: Response = await access(hub).fetch(url);
    const list = await inJson(hub, async () => (await response.json()) as unknown);
    if (!Array.isArray(list))
      throw nonsense('the server sends no list of jobs', hub.settings.endpoint);
    jobs.push(...list.map((each: unknown) => jobOf(each, hub)));
    url = nextPage(response.headers, url);
  }
  return jobs.filter(({ labels }) => new Map(Object.entries(labels)).get(name) === value);
}

/** A job from what the server sends. */
export function jobOf(value: unknown, hub: Hub): Job {
  const { id, status, labels, startedAt, finishedAt } = fieldsOf(value);
  const { stage, message } = fieldsOf(status);
  if (typeof id !== 'string' || !/^[\w-]{1,100}$/.test(id)) {
    throw nonsense('the server sends a job without an id', hub.settings.endpoint);
  }
  if (typeof stage !== 'string' || !/^[A-Z_]{1,40}$/.test(stage)) {
    throw nonsense('the server sends a job without a stage', hub.settings.endpoint);
  }
  const seconds = (timeOf(finishedAt) - timeOf(startedAt)) / 1000;
  const texts = Object.entries(fieldsOf(labels)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return {
    id,
    stage,
    ...(typeof message === 'string' && message !== '' && { message: hub.redact(message) }),
    ...(seconds >= 0 && { seconds }),
    labels: Object.fromEntries(texts),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function timeOf(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}
