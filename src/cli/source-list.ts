// The sources of a conversion of many, and the name that each one's output folder gets.

import { basename, resolve } from 'node:path';
import { ToolkitError } from '../base/errors.ts';

export interface ListedSource {
  /** A folder, or a repository of the Hub. */
  readonly source: string;
  readonly revision?: string;
}

export interface NamedSource extends ListedSource {
  /** Name of its output folder. */
  readonly name: string;
}

/** The sources in a text: one a line, with `@revision` where there is one; `#` begins a comment. */
export function parseSourceList(text: string): readonly ListedSource[] {
  return text.split(/\r\n|\r|\n/).flatMap((line) => {
    const entry = line.replace(/(?:^|\s)#.*$/, '').trim();
    return entry === '' ? [] : [parseSource(entry)];
  });
}

/** `folder`, `owner/name` or `owner/name@revision`; an `@` before a slash belongs to a folder. */
function parseSource(entry: string): ListedSource {
  const found = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)@(.*)$/.exec(entry);
  if (found === null) return { source: entry };
  const [, source = '', revision = ''] = found;
  if (revision !== '') return { source, revision };
  throw new ToolkitError('USAGE', 'a revision is missing behind the @', {
    where: { source: entry },
    fix: 'write owner/name@revision, or leave the @ out',
  });
}

/** The revisions of `--revisions`, each once. */
export function parseRevisions(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

/** Gives each source a name; two of one name are refused, for they would write one folder. */
export function nameSources(sources: readonly ListedSource[]): readonly NamedSource[] {
  const named = sources.map((each) => ({ ...each, name: nameOf(each) }));
  const seen = new Map<string, NamedSource>();
  for (const each of named) {
    // some file systems do not tell case apart
    const key = each.name.toLowerCase();
    const other = seen.get(key);
    if (other !== undefined) throw sameName(each, other);
    seen.set(key, each);
  }
  return named;
}

function nameOf({ source, revision }: ListedSource): string {
  const name = basename(resolve(source));
  if (name === '') {
    throw new ToolkitError('USAGE', 'a source has no name', {
      where: { source },
      fix: 'list a folder with a name',
    });
  }
  // a branch may have slashes
  return revision === undefined ? name : `${name}@${revision.replaceAll(/[^\w.-]/g, '-')}`;
}

function sameName(one: NamedSource, other: NamedSource): ToolkitError {
  return new ToolkitError('USAGE', 'two sources would write the same folder', {
    where: { folder: one.name, sources: [labelOf(other), labelOf(one)] },
    fix: 'convert them in two runs, to two folders',
  });
}

/** A source as it stands in a list. */
export function labelOf({ source, revision }: ListedSource): string {
  return revision === undefined ? source : `${source}@${revision}`;
}
