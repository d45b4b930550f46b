// The part of the Hub that Jobs are on this machine: who asks, commits, jobs that move on with every
// look at them, and their logs. A test may answer in its place.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { json } from './mock-hub.ts';

/** What a request was, as the server saw it. */
export interface Asked {
  readonly method: string;
  readonly origin: string;
  /** With the query, as it was sent. */
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

/** What a job was asked to be. */
export interface Posted {
  readonly dockerImage: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly flavor: string;
  readonly timeoutSeconds: number;
  readonly attempts: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** How a job ends. */
export interface End {
  readonly stage: string;
  readonly message?: string;
  readonly log?: readonly string[];
}

type Ending = (posted: Posted) => End;

interface MockJob {
  readonly id: string;
  readonly namespace: string;
  readonly posted: Posted;
  readonly end: End;
  /** Stages that it has not come to; the last one stays. */
  stages: readonly string[];
}

/** Answers in the server's place; returns whether it did. `apply` does what the request asks for. */
export type JobsFault = (asked: Asked, response: ServerResponse, apply: () => void) => boolean;

export interface MockJobsOptions {
  readonly end?: Ending;
  readonly fault?: JobsFault;
  readonly pageSize?: number;
}

export interface MockJobs {
  readonly endpoint: string;
  readonly log: readonly Asked[];
  readonly posts: () => readonly Posted[];
  readonly jobs: readonly MockJob[];
}

export const user = 'some-user';

/** The commit of a revision in every repository. */
export function commitOf(revision: string): string {
  return createHash('sha1').update(revision).digest('hex');
}

const flavors: ReadonlySet<string> = new Set(['cpu-basic', 'cpu-upgrade']);

/** Starts a Hub that runs jobs, until the test ends. */
export async function mockJobs({
  end = () => ({ stage: 'COMPLETED' }),
  fault = () => false,
  pageSize = 100,
}: MockJobsOptions = {}): Promise<MockJobs> {
  const log: Asked[] = [];
  const jobs: MockJob[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method = '', url = '', headers } = request;
      const { authorization, host = '' } = headers;
      const asked = { method, origin: `http://${host}`, path: url, body, authorization };
      log.push(asked);
      const apply = (): void => void create(asked, jobs, end);
      if (!fault(asked, response, apply)) answer(asked, response, { jobs, end, pageSize });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const posts = (): readonly Posted[] =>
    log.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body) as Posted);
  return { endpoint: `http://127.0.0.1:${port}`, log, posts, jobs };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += String(part);
  return text;
}

function create({ path, body }: Asked, jobs: MockJob[], end: Ending): MockJob {
  const namespace = path.split('/')[3] ?? '';
  const posted = JSON.parse(body) as Posted;
  const id = `job${jobs.length + 1}`;
  const job = { id, namespace, posted, end: end(posted), stages: ['SCHEDULING'] };
  jobs.push(job);
  return job;
}

interface State {
  readonly jobs: MockJob[];
  readonly end: Ending;
  readonly pageSize: number;
}

function answer(asked: Asked, response: ServerResponse, state: State): void {
  const url = new URL(asked.path, asked.origin);
  const [, , part, account = '', id, verb] = url.pathname.split('/');
  if (asked.authorization === undefined) return json(response, 401, { error: 'Who are you?' });
  if (url.pathname === '/api/whoami-v2') return json(response, 200, whoAmI);
  if (part === 'models') return sendCommit(url, response);
  if (part !== 'jobs') return json(response, 404, { error: 'Not found' });
  if (asked.method === 'POST') return post(asked, response, state);
  if (id === undefined) return list(url, account, response, state);
  const job = state.jobs.find((each) => each.id === id && each.namespace === account);
  if (job === undefined) return json(response, 404, { error: 'Job not found' });
  if (verb === 'logs') return sendLog(job.end.log ?? [], response);
  const [, ...rest] = job.stages;
  job.stages = rest;
  return json(response, 200, jobDocument(job));
}

const whoAmI = {
  name: user,
  type: 'user',
  orgs: [{ name: 'some-org' }],
  auth: { accessToken: { role: 'write' } },
};

function sendCommit({ pathname }: URL, response: ServerResponse): void {
  const revision = decodeURIComponent(pathname.split('/revision/')[1] ?? '');
  if (revision !== 'gone') return json(response, 200, { sha: commitOf(revision) });
  return json(response, 404, { error: 'Revision not found' }, 'RevisionNotFound');
}

function post(asked: Asked, response: ServerResponse, state: State): void {
  const { flavor, labels } = JSON.parse(asked.body) as Posted;
  const texts = Object.entries(labels).flat();
  if (!texts.every((text) => /^[\w-]+$/.test(text))) {
    return json(response, 400, { error: 'Labels take letters, digits, - and _' });
  }
  if (!flavors.has(flavor)) return json(response, 400, { error: `Invalid flavor: ${flavor}` });
  return json(response, 200, jobDocument(create(asked, state.jobs, state.end)));
}

function list(url: URL, account: string, response: ServerResponse, state: State): void {
  const [name = '', value] = (url.searchParams.get('label') ?? '').split('=');
  const from = Number(url.searchParams.get('from') ?? 0);
  const found = state.jobs.filter(
    ({ namespace, posted }) => namespace === account && posted.labels[name] === value,
  );
  if (found.length > from + state.pageSize) {
    url.searchParams.set('from', String(from + state.pageSize));
    response.setHeader('link', `<${url.href}>; rel="next"`);
  }
  const page = found.slice(from, from + state.pageSize);
  return json(
    response,
    200,
    page.map((job) => jobDocument(job)),
  );
}

/** A job as the Hub tells of it: it keeps its secrets to itself. */
function jobDocument({ id, namespace, posted, end, stages }: MockJob): Record<string, unknown> {
  const { stage, message = null } = end;
  const [now = stage] = stages;
  const { secrets, ...rest } = posted;
  return {
    ...rest,
    id,
    type: 'job',
    owner: { id: '1', name: namespace, type: 'user' },
    secrets: Object.keys(secrets),
    status: { stage: now, message: now === stage ? message : null },
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: now === 'SCHEDULING' ? null : '2026-01-01T00:00:10.000Z',
    finishedAt: now === stage ? '2026-01-01T00:01:40.500Z' : null,
  };
}

function sendLog(lines: readonly string[], response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const events = lines.map((line) => `data: ${JSON.stringify({ data: line, timestamp: 0 })}\n\n`);
  response.end(`: keep-alive\n\n${events.join('')}`);
}
