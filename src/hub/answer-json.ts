// Answers of the Hub's API that are JSON: read whole, within limits, and never believed.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { parseJson, type JsonValue } from '../base/json.ts';
import { accepted, type Asked } from './answers.ts';
import { readBody } from './body.ts';
import { type Hub, placeOf } from './request.ts';

/** No list of files is longer. */
const maxAnswerBytes = 20_000_000;

export interface JsonAnswer {
  readonly value: JsonValue;
  readonly headers: Headers;
}

/** Address of a model's part of the API. */
export function apiOf({ settings }: Hub, id: string): string {
  return `${settings.endpoint}/api/models/${id}`;
}

/** Asks for JSON; what is no good answer is an error that says what to do. */
export async function requestJson(
  hub: Hub,
  url: string,
  asked: Asked,
  init: RequestInit = {},
): Promise<JsonAnswer> {
  return await readJson(await accepted(await hub.fetch(url, init), asked, hub), url);
}

/** A request that hands over JSON. */
export function posting(value: unknown): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}

/** The JSON of an answer. */
export async function readJson(response: Response, url: string): Promise<JsonAnswer> {
  const bytes = await readBody(response, url, maxAnswerBytes);
  if (bytes === undefined) throw nonsense('the answer has no end', url);
  const text = decodeUtf8(bytes);
  try {
    return { value: parseJson(text ?? '', { what: 'the answer' }), headers: response.headers };
  } catch {
    throw nonsense('the server sends something else than JSON', url);
  }
}

/** Address of the page after that at `url`, on the same server; undefined behind the last. */
export function nextPage(headers: Headers, url: string): string | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
  if (next === undefined) return undefined;
  const page = URL.canParse(next, url) ? new URL(next, url) : undefined;
  if (page?.origin === new URL(url).origin) return page.href;
  throw nonsense('the list goes on at another server', url);
}

/** What no Hub answers. */
export function nonsense(rule: string, url: string, file?: string): ToolkitError {
  return new ToolkitError('REMOTE_MISMATCH', rule, {
    where: { url: placeOf(new URL(url)), ...(file === undefined ? {} : { file }) },
    fix: 'check HF_ENDPOINT, and that no proxy answers in its place',
  });
}
