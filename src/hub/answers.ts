// What the Hub's refusals mean, each with what to do about it.

import { ToolkitError, type ErrorContext } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { type Hub, placeOf } from './request.ts';

/** What was asked for, for messages. */
export interface Asked {
  /** `owner/name`. */
  readonly id: string;
  readonly revision?: string;
  readonly file?: string;
}

/** The answer when it is a good one; otherwise the error that says what to do. */
export async function accepted(response: Response, asked: Asked, hub: Hub): Promise<Response> {
  if (response.ok) return response;
  const said = hub.redact(await beginningOf(response));
  throw refusal(response, asked, hub, said);
}

/** Servers say why in few words; what is longer is a page. */
const mostRead = 4096;

/** The beginning of what a refusal says: the sentence in JSON, else the text; nothing of a page. */
export async function beginningOf(response: Response): Promise<string> {
  const kind = response.headers.get('content-type') ?? '';
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length >= mostRead) break;
    }
  } catch {
    // what was said so far is enough
  }
  return kind.includes('html') ? '' : errorIn(text.trim());
}

function errorIn(text: string): string {
  try {
    const value = parseJson(text, { what: 'the answer' });
    const error = value instanceof Map ? value.get('error') : undefined;
    return typeof error === 'string' ? error : text;
  } catch {
    return text;
  }
}

function refusal(response: Response, asked: Asked, hub: Hub, said: string): ToolkitError {
  const { status, headers } = response;
  const { id, revision, file } = asked;
  const kind = headers.get('x-error-code') ?? '';
  const where: ErrorContext = {
    repository: id,
    ...(revision === undefined ? {} : { revision }),
    ...(file === undefined ? {} : { file }),
    status,
    ...(said === '' ? {} : { said }),
  };
  const page = `${hub.settings.endpoint}/${id}`;
  const hasToken = hub.settings.token !== undefined;
  if (status === 404) {
    const [rule, fix] = missing(kind, asked, hasToken);
    return new ToolkitError('INPUT_MISSING', rule, { where, fix });
  }
  const isGated = kind === 'GatedRepo' || (status === 403 && /gated|restricted/i.test(said));
  if (isGated || [401, 403, 451].includes(status)) {
    const [rule, fix] = isGated ? gated(page, hasToken) : forbidden(status, kind, page, hasToken);
    return new ToolkitError('NOT_PERMITTED', rule, { where, fix });
  }
  return new ToolkitError('HUB_UNREACHABLE', 'the server refuses the request', {
    where,
    fix: `check ${placeOf(new URL(page))}, and try again`,
  });
}

/** What is wrong, and what to do about it. */
type Sentence = readonly [rule: string, fix: string];

const login = 'run hf auth login or set HF_TOKEN';

function gated(page: string, hasToken: boolean): Sentence {
  const who = hasToken
    ? ' with the account of the token, which must be allowed to read gated repositories'
    : `, and ${login}`;
  return ['the repository is gated', `accept the licence at ${page}${who}`];
}

function forbidden(status: number, kind: string, page: string, hasToken: boolean): Sentence {
  if (status === 451) {
    return ['the repository is withheld for legal reasons', `see ${page} for what may be done`];
  }
  if (status === 403) {
    const fix = `${login} to one that may read the repository, or write to it to publish`;
    return ['the token does not permit this', fix];
  }
  // to a valid token that may not read a repository the Hub says 404
  if (hasToken && kind !== 'RepoNotFound') {
    const fix = `${login} to a valid one; a public repository needs none`;
    return ['the Hub does not accept the token', fix];
  }
  const rule = 'the repository is private, or there is none of this name';
  return [rule, `check the name, and ${hasToken ? 'that the token may read it' : login}`];
}

function missing(kind: string, { file }: Asked, hasToken: boolean): Sentence {
  if (kind === 'RevisionNotFound') {
    const fix = 'give a branch, a tag or a commit that it has with --revision';
    return ['the repository has no such revision', fix];
  }
  if (kind === 'EntryNotFound' || (kind === '' && file !== undefined)) {
    return ['the repository has no such file', 'check that it holds a checkpoint'];
  }
  const fix = hasToken
    ? 'check its name, that it is a model, and that the token may read it'
    : 'check its name, and that it is a model';
  return ['the Hub has no such repository', fix];
}
