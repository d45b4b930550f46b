// What refusals mean while something is published, each with what to do about it.

import { type ErrorContext, printable, ToolkitError } from '../base/errors.ts';
import { beginningOf } from './answers.ts';
import type { Hub } from './request.ts';

/** The answer when it is a good one; otherwise the error that says what to do. */
export async function acceptedUpload(response: Response, id: string, hub: Hub): Promise<Response> {
  if (response.ok) return response;
  const said = hub.redact(await beginningOf(response));
  throw uploadRefusal(response.status, id, said, hub);
}

/** What a status means for a repository that is written to; `said` holds no secret. */
export function uploadRefusal(status: number, id: string, said: string, hub: Hub): ToolkitError {
  const where: ErrorContext = { repository: id, status, ...(said === '' ? {} : { said }) };
  const refuse =
    (code: 'NOT_PERMITTED' | 'HUB_FULL' | 'HUB_UNREACHABLE', rule: string) =>
    (fix: string): ToolkitError =>
      new ToolkitError(code, rule, { where, fix });
  if (status === 401) {
    return refuse(
      'NOT_PERMITTED',
      'the Hub does not take the token, or no longer',
    )('run hf auth login or set HF_TOKEN, and run again: what was uploaded is not sent again');
  }
  if (status === 403) {
    return refuse(
      'NOT_PERMITTED',
      'the token does not permit to write there',
    )('use a token that may write to this owner, or propose the files with --create-pr');
  }
  if (status === 402 || status === 413 || status === 507) {
    return refuse(
      'HUB_FULL',
      'the Hub has no room for these files under this owner',
    )(`free some room or enlarge it (${hub.settings.endpoint}/settings/billing), and run again`);
  }
  if (status === 412) return movedError(id);
  if (/\bxet\b/i.test(said)) return transferError(id, 'xet', { status, said });
  return refuse('HUB_UNREACHABLE', 'the server refuses the upload')('try again later');
}

/** The ways in which files are sent: whole, or in parts. */
const transfers: ReadonlySet<unknown> = new Set(['basic', 'multipart']);

/** Fails where the Hub wants files in another way than those it was offered. */
export async function checkTransfer(response: Response, id: string): Promise<void> {
  const answer: unknown = await response.clone().json();
  if (typeof answer !== 'object' || answer === null || !('transfer' in answer)) return;
  if (!transfers.has(answer.transfer)) throw transferError(id, String(answer.transfer));
}

function transferError(id: string, transfer: string, where: ErrorContext = {}): ToolkitError {
  return new ToolkitError(
    'UNSUPPORTED_TRANSFER',
    'the Hub takes the files of this repository only in a way that is not known here',
    {
      where: { repository: id, transfer, ...where },
      fix: `send the folder with hf upload ${id}, which knows more of them`,
    },
  );
}

/** Somebody else wrote to the branch. */
export function movedError(id: string): ToolkitError {
  return new ToolkitError('REMOTE_MOVED', 'the branch moved while the files were uploaded', {
    where: { repository: id },
    fix: 'look at what was committed there, and run again',
  });
}

/** An error that somebody else's code threw: an Error, a string, anything. */
export function foreignError(error: unknown, id: string, hub: Hub): ToolkitError {
  if (error instanceof ToolkitError) return error;
  const status = statusOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const said = printable(hub.redact(text));
  if (status !== undefined) return uploadRefusal(status, id, said, hub);
  return new ToolkitError('REMOTE_MISMATCH', 'the upload does not go as the Hub describes it', {
    where: { repository: id, cause: said },
    fix: 'check HF_ENDPOINT, and that no proxy answers in its place',
  });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
