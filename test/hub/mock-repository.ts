// Repositories of the small Hub, in memory: branches, commits, pull requests, and how a commit is
// made from lines of JSON.

import { createHash } from 'node:crypto';
import { hashOf } from './mock-hub.ts';

/** A file of a commit: its bytes, and whether they are in the storage. */
export interface Entry {
  readonly bytes: Uint8Array;
  readonly large: boolean;
}

export type Files = ReadonlyMap<string, Entry>;

export interface Repository {
  isPrivate: boolean;
  /** Branches and pull requests → commit. */
  readonly heads: Map<string, string>;
  readonly commits: Map<string, { readonly title: string; readonly files: Files }>;
  readonly proposals: { readonly num: number; readonly title: string }[];
}

/** A repository with one commit. */
export function repository(
  files: Readonly<Record<string, string>> = {},
  isPrivate = false,
): Repository {
  const entries = Object.entries(files).map(([path, text]): [string, Entry] => [
    path,
    { bytes: new TextEncoder().encode(text), large: false },
  ]);
  const first = createHash('sha1')
    .update(JSON.stringify([files, isPrivate]))
    .digest('hex');
  return {
    isPrivate,
    heads: new Map([['main', first]]),
    commits: new Map([[first, { title: 'initial commit', files: new Map(entries) }]]),
    proposals: [],
  };
}

/** Adds a commit to a branch. */
export function addCommit(
  { heads, commits }: Repository,
  branch: string,
  title: string,
  files: Files,
  parent: string = heads.get(branch) ?? '',
  removed: readonly string[] = [],
): string {
  const all = new Map([...(commits.get(parent)?.files ?? []), ...files]);
  for (const path of removed) all.delete(path);
  const commit = createHash('sha1').update(`${parent} ${commits.size} ${branch}`).digest('hex');
  commits.set(commit, { title, files: all });
  heads.set(branch, commit);
  return commit;
}

/** What the Hub says of a file. */
export function infoOf(path: string, { bytes, large }: Entry): object {
  const lfs = large && { lfs: { oid: hashOf(bytes, true), size: bytes.length, pointerSize: 130 } };
  return { type: 'file', path, size: bytes.length, oid: hashOf(bytes, false), ...lfs };
}

/** What a request was answered with. */
export type Answer = readonly [
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string>>,
];

interface Header {
  readonly summary: string;
  readonly parentCommit?: string;
}

interface Line {
  readonly key: string;
  readonly value: {
    readonly path: string;
    readonly oid: string;
    readonly content: string;
  } & Header;
}

/** Makes a commit on a branch or, with `proposes`, on a pull request of its own. */
export function makeCommit(
  repo: Repository,
  branch: string,
  body: string,
  objects: ReadonlyMap<string, Uint8Array>,
  proposes: boolean,
): Answer {
  const lines = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const header = lines.find(({ key }) => key === 'header')?.value;
  const head = repo.heads.get(branch);
  if (header === undefined || head === undefined) return [400, { error: 'no header' }];
  if (!proposes && header.parentCommit !== undefined && header.parentCommit !== head) {
    return [412, { error: 'A commit has happened since. Please refresh and try again.' }];
  }
  const removed = lines.filter(({ key }) => key === 'deletedFile').map(({ value }) => value.path);
  const there = repo.commits.get(head)?.files;
  if (removed.some((path) => there?.has(path) !== true)) return [400, { error: 'no such file' }];
  const files = filesOf(lines, objects);
  if (files === undefined) return [400, { error: 'no such object' }];
  const num = repo.proposals.length + 1;
  if (proposes) repo.proposals.push({ num, title: header.summary });
  const target = proposes ? `refs/pr/${num}` : branch;
  const commitOid = addCommit(repo, target, header.summary, files, head, removed);
  const pullRequestUrl = proposes && { pullRequestUrl: `http://hub/discussions/${num}` };
  return [200, { success: true, commitOid, commitUrl: 'http://hub/commit', ...pullRequestUrl }];
}

/** The files of a commit's lines; undefined where the storage has not got one. */
function filesOf(
  lines: readonly Line[],
  objects: ReadonlyMap<string, Uint8Array>,
): Files | undefined {
  const files = new Map<string, Entry>();
  for (const { key, value } of lines) {
    if (key === 'file') {
      files.set(value.path, { bytes: Buffer.from(value.content, 'base64'), large: false });
    }
    if (key !== 'lfsFile') continue;
    const bytes = objects.get(value.oid);
    if (bytes === undefined) return undefined;
    files.set(value.path, { bytes, large: true });
  }
  return files;
}
