// What a server may call things. Every name that becomes part of a path is judged here first.

import { ToolkitError } from '../base/errors.ts';
import { assetNames } from '../checkpoint/assets.ts';

/** A repository of the Hub: `owner/name`. */
export function isHubId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text) && !/\.\.|--|\.git$/.test(text);
}

/** Fails on what is no `owner/name`. */
export function checkHubId(id: string): void {
  if (isHubId(id)) return;
  throw new ToolkitError('USAGE', 'this is no name of a repository', {
    where: { repository: id },
    fix: 'give owner/name, of letters, digits, dots, dashes and underscores',
  });
}

/** A commit: forty hexadecimal digits. */
export function isCommit(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{40}$/.test(text);
}

/** The hash that names a file's bytes: git's of small files, sha256 of large ones. */
export function isHash(text: unknown): text is string {
  return typeof text === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The name of a file at the root of a repository, safe on every system. */
export function isPlainName(text: string): boolean {
  return /^[A-Za-z0-9_][\w.-]*$/.test(text) && text.length <= 200;
}

/** Fails on a revision that is no branch, tag or commit by git's rules. */
export function checkRevision(revision: string): void {
  const parts = revision.split('/');
  const isName = parts.every((part) => /^[\w][\w.+@-]*$/.test(part) && !part.includes('..'));
  if (isName && revision.length <= 200) return;
  throw new ToolkitError('USAGE', 'this is no name of a revision', {
    where: { revision },
    fix: 'give a branch, a tag or a commit',
  });
}

/** Files besides weights that a conversion reads; one with an adapter is refused. */
export const smallFiles: readonly string[] = ['config.json', 'adapter_config.json', ...assetNames];

/** Formats of weights, the preferred one first: a file, or an index and its shards. */
const formats = [
  { file: 'model.safetensors', shard: /^[\w-]*\d+-of-\d+\.safetensors$/ },
  { file: 'pytorch_model.bin', shard: /^[\w-]*\d+-of-\d+\.bin$/ },
] as const;

/** The weights among the files of a repository: none, one file, or an index with all its shards. */
export function weightFiles(names: readonly string[]): readonly string[] {
  for (const { file, shard } of formats) {
    if (names.includes(file)) return [file];
    const index = `${file}.index.json`;
    if (names.includes(index)) return [index, ...names.filter((name) => shard.test(name))];
  }
  return [];
}
