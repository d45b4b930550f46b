// What a push says of itself.

import type { WrittenFile } from '../base/files.ts';
import type { Pushed, PushPlan } from '../push.ts';
import { formatBytes, formatTable } from './sizes.ts';

/** The files that a push would send, and those that it would remove. */
export function pushPlanText(
  { files, removed = [] }: Pick<PushPlan, 'files'> & { readonly removed?: readonly string[] },
  repository: string,
  revision: string,
): string {
  return [
    `Would push ${amountOf(files)} to ${repository} (${revision})\n`,
    formatTable(files.map(({ path, size }) => [path, formatBytes(size)])),
    removedText('Would remove', removed),
  ].join('');
}

/** What was sent, and where it can be seen. */
export function pushedText(pushed: Pushed, endpoint: string): string {
  const { repository, revision, files, added, removed } = pushed;
  const place = `${repository} (${revision})`;
  const page = `${addressOf(pushed, endpoint)}\n`;
  if (added.length === 0) return `${place} holds all ${files.length} files already\n${page}`;
  const sent = files.filter(({ path }) => added.includes(path));
  const kept = files.length - sent.length;
  return [
    `Pushed ${amountOf(sent)} to ${place}${kept === 0 ? '' : `, which held ${kept} already`}\n`,
    formatTable(sent.map(({ path, size }) => [path, formatBytes(size)])),
    removedText('Removed', removed),
    page,
  ].join('');
}

function removedText(did: string, paths: readonly string[]): string {
  if (paths.length === 0) return '';
  return `${did} ${countOf(paths)} of an earlier push\n${paths.map((path) => `  ${path}\n`).join('')}`;
}

/** What was sent, for scripts. */
export function pushDocument(pushed: Pushed, endpoint: string): object {
  const { manifest: _, ...fields } = pushed;
  return { ...fields, url: addressOf(pushed, endpoint) };
}

function addressOf({ repository, commit, pullRequest }: Pushed, endpoint: string): string {
  const page = `${endpoint}/${repository}`;
  return pullRequest === undefined
    ? `${page}/commit/${commit}`
    : `${page}/discussions/${pullRequest}`;
}

function amountOf(files: readonly WrittenFile[]): string {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return `${countOf(files)}, ${formatBytes(total)},`;
}

function countOf({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? 'file' : 'files'}`;
}
