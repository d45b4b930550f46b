// Model cards: that of a repository that is written to, and that of a checkpoint.

import { ToolkitError } from '../base/errors.ts';
import type { Hub } from './request.ts';
import { fetchText } from './small-file.ts';

/** Name of the model card. */
export const cardName = 'README.md';

/** The longest cards are some hundred kilobytes; what people wrote is kept in memory. */
export const maxCardBytes: number = 10_000_000;

/** The card at a commit; undefined where there is none. */
export async function fetchCard(hub: Hub, id: string, commit: string): Promise<string | undefined> {
  return await fetchText(hub, { id, revision: commit, file: cardName }, maxCardBytes);
}

/** The same; undefined too where this account may not read it, or where it is no card. */
export async function readableCard(
  hub: Hub,
  id: string,
  commit: string,
): Promise<string | undefined> {
  return await fetchCard(hub, id, commit).catch((error: unknown) => {
    const passes = error instanceof ToolkitError && unreadable.has(error.code);
    if (passes) return undefined;
    throw error;
  });
}

const unreadable: ReadonlySet<string> = new Set(['NOT_PERMITTED', 'FILE_KIND', 'FILE_TOO_LARGE']);
