// What the API of Hugging Face Jobs answers: bytes within limits, and refusals as errors that say
// what to do about them.

import { type ErrorCode, ToolkitError } from '../base/errors.ts';
import { beginningOf } from './answers.ts';
import { nonsense } from './answer-json.ts';
import { readBody } from './body.ts';
import type { Hub } from './request.ts';

/** No list of jobs is longer. */
const maxAnswerBytes = 20_000_000;

/** The answer in full when it is a good one; otherwise the error that says what to do. */
export async function acceptedWhole(response: Response, hub: Hub): Promise<Response> {
  if (!response.ok) throw await refusal(response, hub);
  const { endpoint } = hub.settings;
  const bytes = await readBody(response, endpoint, maxAnswerBytes);
  if (bytes === undefined) throw nonsense('the answer has no end', endpoint);
  return new Response(bytes, { headers: response.headers });
}

/** What a server sends as JSON, which it may not be. */
export async function inJson<T>(hub: Hub, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw nonsense('the server sends something else than JSON', hub.settings.endpoint);
  }
}

interface Meaning {
  readonly code: ErrorCode;
  readonly rule: string;
  readonly fix: string;
}

const unknownFlavor: Meaning = {
  code: 'USAGE',
  rule: 'the Hub refuses the job',
  fix: 'give --jobs a flavor that hf jobs hardware lists, such as cpu-upgrade',
};

const meanings: ReadonlyMap<number, Meaning> = new Map([
  [400, unknownFlavor],
  [422, unknownFlavor],
  [
    401,
    {
      code: 'NOT_PERMITTED',
      rule: 'the Hub does not take the token',
      fix: 'run hf auth login or set HF_TOKEN',
    },
  ],
  [
    402,
    {
      code: 'NOT_PERMITTED',
      rule: 'the account cannot pay for jobs',
      fix: 'jobs take a plan or credit: see its billing settings on the Hub',
    },
  ],
  [
    403,
    {
      code: 'NOT_PERMITTED',
      rule: 'the token does not permit jobs here',
      fix: 'use one that may write and start jobs, of an account that has jobs',
    },
  ],
  [
    404,
    {
      code: 'INPUT_MISSING',
      rule: 'the Hub has no such job, or no jobs for this account',
      fix: 'check the account, and whether the job was deleted',
    },
  ],
]);

const other: Meaning = {
  code: 'HUB_UNREACHABLE',
  rule: 'the server refuses the request',
  fix: 'try again later',
};

async function refusal(response: Response, hub: Hub): Promise<ToolkitError> {
  const { status } = response;
  const { code, rule, fix } = meanings.get(status) ?? other;
  const said = hub.redact(await beginningOf(response));
  return new ToolkitError(code, rule, { where: { status, ...(said !== '' && { said }) }, fix });
}
