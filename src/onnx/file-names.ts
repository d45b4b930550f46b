// Names of what lies beside an output folder while it is written. They begin with a dot and the
// folder's name, so that a later run finds what an interrupted one left.

import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

/** `<parent>/.<name>.lock` */
export function lockPath(target: string): string {
  return beside(target, 'lock');
}

/** `<parent>/.<name>.partial-<pid>-<random>`, where the output is written. */
export function partialPath(target: string): string {
  return beside(target, `partial-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/** `<parent>/.<name>.old-<random>`, where the earlier output waits for the end of the exchange. */
export function oldPath(target: string): string {
  return beside(target, `old-${randomBytes(4).toString('hex')}`);
}

function beside(target: string, suffix: string): string {
  return join(dirname(target), `.${basename(target)}.${suffix}`);
}

export type Leftover =
  | { readonly kind: 'partial'; readonly name: string; readonly pid: number }
  | { readonly kind: 'old' | 'lock'; readonly name: string };

/** Which of the names beside the target an earlier run may have left; the lock itself is none. */
export function findLeftovers(target: string, names: readonly string[]): readonly Leftover[] {
  const prefix = `.${basename(target)}.`;
  return names.flatMap((name): Leftover[] => {
    if (!name.startsWith(prefix)) return [];
    const suffix = name.slice(prefix.length);
    const partial = /^partial-([0-9]{1,9})-[0-9a-f]{8}$/.exec(suffix);
    if (partial !== null) return [{ kind: 'partial', name, pid: Number(partial[1]) }];
    if (/^old-[0-9a-f]{8}$/.test(suffix)) return [{ kind: 'old', name }];
    if (/^lock-[0-9a-f]{8}$/.test(suffix)) return [{ kind: 'lock', name }];
    return [];
  });
}
