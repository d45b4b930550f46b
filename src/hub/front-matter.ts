// The YAML at the top of a model card. People write it, so it may be anything: what cannot be read
// is undefined here, never an error.

import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import {
  maxFrontMatterAliases,
  maxFrontMatterDepth,
  maxFrontMatterLength,
} from '../base/limits.ts';
import { isModest } from './yaml-tokens.ts';

/** Keys of a card's YAML that this tool writes. */
export type FrontMatter = Readonly<Record<string, string | readonly string[]>>;

export interface SplitCard {
  /** The lines between the two of dashes; undefined where a card has none. */
  readonly yaml?: string;
  readonly body: string;
}

/** Splits a card's YAML from its text. */
export function splitCard(card: string): SplitCard {
  // sticky: at the very beginning; m: the second ^ is the beginning of a line
  const pattern = /\s*---[ \t]*\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n|(?![\s\S]))/my;
  const [whole, yaml] = pattern.exec(card) ?? [];
  if (whole === undefined || yaml === undefined) return { body: card };
  return { yaml, body: card.slice(whole.length) };
}

/** The values of a card's YAML by key; undefined where it is no YAML, or not of keys. */
export function readFrontMatter(yaml: string): Readonly<Record<string, unknown>> | undefined {
  return parse(yaml)?.values;
}

export interface Merged {
  /** Lines, each with its end. */
  readonly yaml: string;
  /** The keys of ours among them: what the next push may change. */
  readonly ours: FrontMatter;
}

/**
 * Puts our keys among those that are there. A key stays as it is, unless its value is the one that
 * was `written` by the push before; lists of tags are joined. Where nothing changes, not a byte does.
 * Undefined where the YAML cannot be read.
 */
export function mergeFrontMatter(
  yaml: string,
  wanted: FrontMatter,
  written: FrontMatter,
): Merged | undefined {
  const parsed = parse(yaml);
  if (parsed === undefined) return undefined;
  const { document, values } = parsed;
  const isTheirs = (key: string): boolean =>
    (values[key] ?? undefined) !== undefined && !same(values[key], written[key]);
  const ours = Object.fromEntries(
    Object.entries(wanted).filter(([key]) => key !== 'tags' && !isTheirs(groupOf(key))),
  );
  const expected: Record<string, unknown> = { ...values, ...ours };
  for (const [key, value] of Object.entries(ours)) {
    if (!same(values[key], value)) document.set(key, value);
  }
  for (const key of Object.keys(written)) {
    if (Object.hasOwn(ours, key) || isTheirs(key)) continue;
    document.delete(key);
    delete expected[key];
  }
  const tags = joined(values['tags'], wanted['tags'] ?? []);
  if (tags !== undefined) addTags(document, tags);
  expected['tags'] = tags ?? values['tags'];
  if (same(expected, { tags: undefined, ...values })) return { yaml: ended(yaml), ours };
  const printed = print(document);
  // anchors and documents within the document may print as something else: then it is not touched
  const read = printed === undefined ? undefined : readFrontMatter(printed);
  const whole = printed !== undefined && splitCard(`---\n${printed}---\n`).yaml === printed;
  return whole && same({ tags: undefined, ...read }, expected)
    ? { yaml: printed, ours }
    : undefined;
}

/** Our keys where there are no others. */
export function newFrontMatter(wanted: FrontMatter): Merged {
  const { tags, ...ours } = wanted;
  const yaml = stringify({ ...ours, ...(tags && { tags }) }, { ...dialect, ...layout });
  return { yaml, ours };
}

// The name and the text of somebody's own license belong to no other.
function groupOf(key: string): string {
  return key.startsWith('license_') ? 'license' : key;
}

/** The tags that are there and ours; undefined where there is nothing to add, or no list. */
function joined(there: unknown, ours: readonly string[] | string): readonly unknown[] | undefined {
  const list: readonly unknown[] =
    (there ?? undefined) === undefined ? [] : Array.isArray(there) ? there : [there];
  if (list.some((tag) => typeof tag === 'object')) return undefined;
  const added = [...ours].filter((tag) => !list.includes(tag));
  return added.length === 0 ? undefined : [...list, ...added];
}

function addTags(document: Document, tags: readonly unknown[]): void {
  const node = document.get('tags');
  if (!isSeq(node)) return document.set('tags', tags);
  for (const tag of tags.slice(node.items.length)) node.add(document.createNode(tag));
}

// the Hub's readers in Python follow YAML 1.1, where `no` is false: such strings are quoted
const dialect = { compat: 'yaml-1.1', stringKeys: true, uniqueKeys: false } as const;
const layout = { lineWidth: 0 } as const;

interface Parsed {
  readonly document: Document;
  readonly values: Readonly<Record<string, unknown>>;
}

function parse(yaml: string): Parsed | undefined {
  if (yaml.length > maxFrontMatterLength) return undefined;
  if (!isModest(yaml, maxFrontMatterDepth, maxFrontMatterAliases)) return undefined;
  const document = parseDocument(yaml, { ...dialect, prettyErrors: false });
  if (document.errors.length > 0) return undefined;
  if (isScalar(document.contents) && document.contents.value === null) document.contents = null;
  if (document.contents === null) return { document, values: {} };
  if (!isMap(document.contents) || hasTwice(document.contents)) return undefined;
  try {
    const values: unknown = document.toJS();
    return isRecord(values) ? { document, values } : undefined;
  } catch {
    return undefined; // aliases without end
  }
}

// the parser's own search compares each key with every other: minutes, for a hostile card
function hasTwice({ items }: YAMLMap): boolean {
  const keys = items.map(({ key }) => String(isScalar(key) ? key.value : key));
  return new Set(keys).size < keys.length;
}

function print(document: Document): string | undefined {
  try {
    return ended(document.toString(layout));
  } catch {
    return undefined;
  }
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Keys in one order, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)]);
}
