// What a model card takes over from that of the checkpoint: license and language, where they are of
// a form that the Hub knows. Anybody wrote that card; all else in it is left.

import type { HubSource } from '../base/manifest.ts';
import { type FrontMatter, readFrontMatter, splitCard } from './front-matter.ts';

/** Keys for the new card. */
export function inherited(card: string, source: HubSource | undefined): FrontMatter {
  const { yaml } = splitCard(card);
  const values = (yaml === undefined ? undefined : readFrontMatter(yaml)) ?? {};
  const license = words(values['license'], /^[a-z0-9][a-z0-9.+-]{0,60}$/i);
  const language = words(values['language'], /^[a-z]{2,20}(?:-[a-z0-9]{1,8}){0,3}$/i);
  return {
    ...(license !== undefined && { license, ...licenseText(values, source) }),
    ...(language !== undefined && { language }),
  };
}

/** A license that the Hub has no name for has its own, and a link. */
function licenseText(
  values: Readonly<Record<string, unknown>>,
  source: HubSource | undefined,
): FrontMatter {
  const [name, link] = [values['license_name'], values['license_link']];
  const found = typeof link === 'string' ? linkOf(link, source) : undefined;
  return {
    ...(typeof name === 'string' && /^[\w .,+()-]{1,100}$/.test(name) && { license_name: name }),
    ...(found !== undefined && { license_link: found }),
  };
}

/** A file beside the checkpoint's card is not beside the new one. */
function linkOf(link: string, source: HubSource | undefined): string | undefined {
  if (/^https:\/\/[\w.-]+\/[\w./%#?=&~+-]{0,500}$/.test(link)) return link;
  if (source === undefined || !/^[\w-][\w.-]{0,100}$/.test(link)) return undefined;
  return `https://huggingface.co/${source.id}/blob/${source.revision}/${link}`;
}

/** A word, or a list of words; undefined where one of them is none. */
function words(value: unknown, pattern: RegExp): string | readonly string[] | undefined {
  const isWord = (item: unknown): item is string => typeof item === 'string' && pattern.test(item);
  if (isWord(value)) return value;
  return Array.isArray(value) && value.length > 0 && value.every(isWord) ? value : undefined;
}
