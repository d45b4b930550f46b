// What the Hub's refusals mean, each with what to do about it.

import { ToolkitError, type ErrorContext } from '../base/errors.ts';
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

/** The beginning of what a refusal says; nothing of a page. */
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
  return kind.includes('html') ? '' : text.trim();
}

function refusal(response: Response, asked: Asked, hub: Hub, said: string): ToolkitError {
  const { status, headers } = response;
  const { id, revision, file } = asked;
  const page = `${hub.settings.endpoint}/${id}`;
  const kind = headers.get('x-error-code') ?? '';
  const where: ErrorContext = {
    repository: id,
    ...(revision === undefined ? {} : { revision }),
    ...(file === undefined ? {} : { file }),
    status,
    ...(said === '' ? {} : { said }),
  };
  if (kind === 'GatedRepo' || (status === 403 && /gated|restricted/i.test(said))) {
    return new ToolkitError('NOT_PERMITTED', 'the repository is gated', {
      where,
      fix: `accept the licence at ${page}, and run hf auth login or set HF_TOKEN`,
    });
  }
  if (status === 401) {
    const has = hub.settings.token !== undefined;
    return new ToolkitError(
      'NOT_PERMITTED',
      'the repository is private, or there is none of this name',
      {
        where,
        fix: has
          ? 'check the name, and that the token is valid and may read it'
          : 'check the name, and run hf auth login or set HF_TOKEN',
      },
    );
  }
  if (status === 403) {
    return new ToolkitError('NOT_PERMITTED', 'the token does not permit this', {
      where,
      fix: 'use a token with the role that this takes (HF_TOKEN, or hf auth login)',
    });
  }
  if (status === 451) {
    return new ToolkitError('NOT_PERMITTED', 'the repository is withheld for legal reasons', {
      where,
      fix: `see ${page} for what may be done`,
    });
  }
  if (status === 404) return missing(kind, where, asked);
  return new ToolkitError('HUB_UNREACHABLE', 'the server refuses the request', {
    where,
    fix: `check ${placeOf(new URL(page))}, and try again`,
  });
}

function missing(kind: string, where: ErrorContext, { revision, file }: Asked): ToolkitError {
  if (kind === 'RevisionNotFound') {
    return new ToolkitError('INPUT_MISSING', 'the repository has no such revision', {
      where,
      fix: 'give a branch, a tag or a commit that it has with --revision',
    });
  }
  if (kind === 'EntryNotFound' || (kind === '' && file !== undefined)) {
    return new ToolkitError('INPUT_MISSING', 'the repository has no such file', {
      where,
      fix: 'check that it holds a checkpoint',
    });
  }
  return new ToolkitError('INPUT_MISSING', 'the Hub has no such repository', {
    where,
    fix:
      revision === undefined
        ? 'check its name, and that it is a model'
        : 'check its name, that it is a model, and the revision',
  });
}
