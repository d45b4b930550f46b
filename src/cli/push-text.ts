// What a push says of itself.

import type { WrittenFile } from '../base/files.ts';
import type { Pushed } from '../push.ts';
import { formatBytes, formatTable } from './sizes.ts';

/** The files that a push would send. */
export function pushPlanText(
  files: readonly WrittenFile[],
  repository: string,
  revision: string,
): string {
  return [
    `Would push ${amountOf(files)} to ${repository} (${revision})\n`,
    formatTable(files.map(({ path, size }) => [path, formatBytes(size)])),
  ].join('');
}

/** What was sent, and where it can be seen. */
export function pushedText(pushed: Pushed, endpoint: string): string {
  const { repository, revision, files, added } = pushed;
  const place = `${repository} (${revision})`;
  const page = `${addressOf(pushed, endpoint)}\n`;
  if (added.length === 0) return `${place} holds all ${files.length} files already\n${page}`;
  const sent = files.filter(({ path }) => added.includes(path));
  const kept = files.length - sent.length;
  return [
    `Pushed ${amountOf(sent)} to ${place}${kept === 0 ? '' : `, which held ${kept} already`}\n`,
    formatTable(sent.map(({ path, size }) => [path, formatBytes(size)])),
    page,
  ].join('');
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
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(total)},`;
}
