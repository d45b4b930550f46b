// A description for people: a title, and facts by name.

import { printable } from '../base/errors.ts';

/** What something is, for people and for scripts. */
export interface Description {
  /** After the title. */
  readonly headline: string;
  /** Name and value; a value of several lines stands under its name. */
  readonly facts: readonly (readonly [name: string, value: string | readonly string[]])[];
  readonly document: Readonly<Record<string, unknown>>;
}

/** The facts below each other; what comes from a file is made fit for a terminal. */
export function descriptionText(title: string, { headline, facts }: Description): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.flatMap(([name, value]) => {
    const [first = '', ...rest] = typeof value === 'string' ? [value] : value;
    return [
      name.padEnd(width) + `  ${first}`,
      ...rest.map((line) => `${' '.repeat(width)}  ${line}`),
    ];
  });
  return [`${title}: ${headline}`, ...lines.map((line) => `  ${line}`)]
    .map((line) => `${printable(line.trimEnd())}\n`)
    .join('');
}

/** How often each item comes, in the order of first appearance. */
export function tally(items: Iterable<string>): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** Items one after another, in lines of a readable length. */
export function wrap(items: readonly string[], width = 72): readonly string[] {
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const word = index < items.length - 1 ? `${item},` : item;
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
