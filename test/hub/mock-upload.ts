// The half of a small Hub that is written to: repositories with branches and pull requests in
// memory, a storage at another address, and a hook that spoils a step.

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { answerDownload, json } from './mock-hub.ts';
import {
  type Answer,
  makeCommit,
  type Entry,
  infoOf,
  type Repository,
  repository,
} from './mock-repository.ts';
import { type Storage, storageHandlers } from './mock-storage.ts';

/** What a request is for. */
export type Step =
  | 'whoami'
  | 'revision'
  | 'create'
  | 'branch'
  | 'paths'
  | 'file'
  | 'discussions'
  | 'preupload'
  | 'batch'
  | 'put'
  | 'part'
  | 'complete'
  | 'commit';

/** An answer, a refusal with what it says, a connection that breaks before or after the step is done, silence, or nothing. */
export type Spoiled =
  | number
  | { readonly answer: unknown }
  | { readonly status: number; readonly said: string }
  | 'reset before'
  | 'reset after'
  | 'silence'
  | undefined;

export interface Seen {
  readonly step: Step;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly bytes: number;
}

export interface UploadHub {
  readonly endpoint: string;
  readonly repositories: Map<string, Repository>;
  readonly log: readonly Seen[];
  readonly count: (step: Step) => number;
  /** Spoils a step when it comes next. */
  readonly spoilOnce: (step: Step, how: Spoiled) => void;
  /** Bytes that the storage received. */
  readonly stored: () => number;
  /** The files of a branch, by path. */
  readonly files: (id: string, branch?: string) => Readonly<Record<string, Uint8Array>>;
}

export interface UploadOptions {
  /** Asked at each step, with how often it came; `seen` is called when the request is there. */
  readonly spoil?: (step: Step, count: number) => Spoiled | Promise<Spoiled>;
  readonly role?: string;
  /** More of what the Hub tells of the account, and of the token. */
  readonly whoami?: Readonly<Record<string, unknown>>;
  readonly fineGrained?: unknown;
  /** Larger files come in parts of this size. */
  readonly partBytes?: number;
  /** Files of `some/model`, a repository that is read. */
  readonly source?: Readonly<Record<string, Uint8Array>>;
}

interface State extends Storage {
  readonly repositories: Map<string, Repository>;
  /** What the Hub tells of the account. */
  readonly account: unknown;
}

/** Starts the Hub and its storage, until the test ends. */
export async function uploadHub(options: UploadOptions = {}): Promise<UploadHub> {
  const log: Seen[] = [];
  const count = (step: Step): number => log.filter((seen) => seen.step === step).length;
  const { spoil, partBytes = Number.POSITIVE_INFINITY } = options;
  const next = new Map<Step, Spoiled>();
  const state: State = {
    repositories: new Map(),
    objects: new Map(),
    parts: new Map(),
    address: '',
    partBytes,
    account: accountOf(options),
  };
  const serve: RequestListener = (request, response) => {
    void (async () => {
      const { url = '' } = request;
      if (options.source && /^\/(?:api\/models\/)?some\/model\//.test(url)) {
        const none = { range: undefined, ifRange: undefined, authorization: undefined };
        const logged = { path: url, ...none, sent: 0 };
        return answerDownload(url, request.headers.range, options.source, response, logged);
      }
      const step = stepOf(request);
      if (step === undefined) return json(response, 404, { error: 'no such place' });
      const { authorization } = request.headers;
      const body = await bodyOf(request);
      if (body === undefined) return;
      log.push({ step, path: url, authorization, bytes: body.length });
      const spoiled = next.get(step) ?? (await spoil?.(step, count(step)));
      next.delete(step);
      if (spoiled === 'reset before') return void request.socket.destroy();
      if (spoiled === 'silence') return;
      if (spoiled !== undefined && spoiled !== 'reset after') return sendSpoiled(response, spoiled);
      const [status, value, headers] = handlers[step](state, url, body);
      if (spoiled === 'reset after') return void request.socket.destroy();
      answer(response, status, value, headers);
    })();
  };
  const endpoint = await listening(serve);
  state.address = await listening(serve);
  return {
    endpoint,
    repositories: state.repositories,
    log,
    count,
    spoilOnce: (step, how) => void next.set(step, how),
    stored: () =>
      log
        .filter(({ step }) => step === 'put' || step === 'part')
        .reduce((sum, { bytes }) => sum + bytes, 0),
    files: (id, branch = 'main') => {
      const found = state.repositories.get(id);
      const files =
        found?.commits.get(found.heads.get(branch) ?? '')?.files ?? new Map<string, Entry>();
      return Object.fromEntries([...files].map(([path, { bytes }]) => [path, bytes]));
    },
  };
}

function sendSpoiled(
  response: ServerResponse,
  spoiled: Exclude<Spoiled, string | undefined>,
): void {
  if (typeof spoiled === 'number') return json(response, spoiled, { error: 'spoiled' });
  if ('answer' in spoiled) return json(response, 200, spoiled.answer);
  json(response, spoiled.status, { error: spoiled.said });
}

async function listening(serve: RequestListener): Promise<string> {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The body; undefined when the connection ends before it does. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  try {
    for await (const part of request) parts.push(part as Uint8Array);
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}

function answer(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(value instanceof Uint8Array ? value : JSON.stringify(value));
}

const places: readonly (readonly [Step, RegExp])[] = [
  ['whoami', /^\/api\/whoami-v2$/],
  ['create', /^\/api\/repos\/create$/],
  ['revision', /^\/api\/models\/[^/]+\/[^/]+\/revision\//],
  ['branch', /^\/api\/models\/[^/]+\/[^/]+\/branch\//],
  ['paths', /^\/api\/models\/[^/]+\/[^/]+\/paths-info\//],
  ['file', /^\/[^/]+\/[^/]+\/resolve\//],
  ['discussions', /^\/api\/models\/[^/]+\/[^/]+\/discussions\?/],
  ['preupload', /^\/api\/models\/[^/]+\/[^/]+\/preupload\//],
  ['commit', /^\/api\/models\/[^/]+\/[^/]+\/commit\//],
  ['batch', /^\/[^/]+\/[^/]+\.git\/info\/lfs\/objects\/batch$/],
  ['put', /^\/storage\/whole\//],
  ['part', /^\/storage\/part\//],
  ['complete', /^\/storage\/complete\//],
];

function stepOf({ url = '' }: IncomingMessage): Step | undefined {
  return places.find(([, pattern]) => pattern.test(url))?.[0];
}

type Handler = (state: State, url: string, body: Buffer) => Answer;

/** The repository and the last part of an address of the API. */
function named(
  state: State,
  url: string,
): { readonly repo: Repository | undefined; readonly last: string } {
  const [, id = '', last = ''] =
    /^\/api\/models\/([^/]+\/[^/]+)\/\w[\w-]*\/?([^?]*)/.exec(url) ?? [];
  return { repo: state.repositories.get(id), last: decodeURIComponent(last) };
}

const missing = (code: string): Answer => [404, { error: code }, { 'x-error-code': code }];
const parsed = (body: Buffer): never => JSON.parse(body.toString()) as never;
const isLarge = (path: string): boolean => /\.(?:onnx|onnx_data|safetensors)$/.test(path);

const handlers: Readonly<Record<Step, Handler>> = {
  whoami: ({ account }) => [200, account],
  revision: (state, url) => {
    const { repo, last } = named(state, url);
    if (repo === undefined) return missing('RepoNotFound');
    const sha = repo.heads.get(last) ?? (repo.commits.has(last) ? last : undefined);
    return sha === undefined
      ? missing('RevisionNotFound')
      : [200, { sha, private: repo.isPrivate }];
  },
  create: ({ repositories }, _url, body) => {
    const wanted: { name: string; organization: string; visibility?: string } = parsed(body);
    const id = `${wanted.organization}/${wanted.name}`;
    if (repositories.has(id)) return [409, { error: 'there is one' }];
    repositories.set(id, repository({}, wanted.visibility === 'private'));
    return [200, { id }];
  },
  branch: (state, url) => {
    const { repo, last } = named(state, url);
    if (repo === undefined) return missing('RepoNotFound');
    if (repo.heads.has(last)) return [409, { error: 'there is one' }];
    repo.heads.set(last, repo.heads.get('main') ?? '');
    return [200, {}];
  },
  paths: (state, url, body) => {
    const { repo, last } = named(state, url);
    const { paths }: { paths: readonly string[] } = parsed(body);
    const files = repo?.commits.get(last)?.files ?? new Map<string, Entry>();
    return [
      200,
      [...files].filter(([path]) => paths.includes(path)).map(([path, file]) => infoOf(path, file)),
    ];
  },
  file: ({ repositories }, url) => {
    const [, id = '', commit = '', path = ''] =
      /^\/([^/]+\/[^/]+)\/resolve\/(\w+)\/(.+)$/.exec(url) ?? [];
    const found = repositories.get(id)?.commits.get(commit)?.files.get(path);
    return found === undefined ? missing('EntryNotFound') : [200, found.bytes];
  },
  discussions: (state, url) => {
    const proposals = named(state, url).repo?.proposals ?? [];
    const listed = proposals.map((each) => ({ ...each, isPullRequest: true, status: 'open' }));
    return [200, { discussions: listed, count: listed.length, start: 0 }];
  },
  preupload: (_state, _url, body) => {
    const { files }: { files: readonly { path: string }[] } = parsed(body);
    const modes = files.map(({ path }) => ({
      path,
      uploadMode: isLarge(path) ? 'lfs' : 'regular',
      shouldIgnore: false,
    }));
    return [200, { files: modes }];
  },
  commit: (state, url, body) => {
    const { repo, last } = named(state, url);
    if (repo === undefined) return missing('RepoNotFound');
    return makeCommit(repo, last, body.toString(), state.objects, url.endsWith('?create_pr=1'));
  },
  ...storageHandlers,
};

function accountOf({ role = 'write', whoami, fineGrained }: UploadOptions): unknown {
  const accessToken = { role, ...(fineGrained !== undefined && { fineGrained }) };
  return { type: 'user', name: 'me', ...whoami, auth: { type: 'access_token', accessToken } };
}

/** Commits of a repository beside its first. */
export function commitCount({ repositories }: UploadHub, id: string): number {
  return (repositories.get(id)?.commits.size ?? 1) - 1;
}
