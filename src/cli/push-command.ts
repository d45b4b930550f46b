// `push`: publishes an output folder on the Hub.

import { join } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { checkWriter } from '../hub/account.ts';
import { readHubSettings } from '../hub/file-settings.ts';
import { openHub } from '../hub/request.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import {
  checkPushTarget,
  planPush,
  planRemoval,
  push,
  type Pushed,
  type PushOptions,
} from '../push.ts';
import { type Output, readManifest } from '../runtime/output.ts';
import type { Context, Outcome } from './command.ts';
import type { PushFlags } from './push-grammar.ts';
import { pushDocument, pushedText, pushPlanText } from './push-text.ts';

export async function pushCommand(
  folder: string,
  repository: string,
  flags: PushFlags,
  context: Context,
): Promise<Outcome> {
  const { revision = 'main', unverified = false, message } = flags;
  checkPushTarget(repository, revision, message);
  if (flags.dryRun === true) return await planOutcome(folder, repository, flags, context);
  const { private: isPrivate = false, createPr = false } = flags;
  const options = {
    revision,
    unverified,
    isPrivate,
    createPr,
    ...(message !== undefined && { message }),
  };
  return pushOutcome(await pushFolder(folder, repository, options, context), context);
}

/** What a push would do; where the Hub does not tell what is there, as offline, only what is sent. */
async function planOutcome(
  folder: string,
  repository: string,
  { revision = 'main', unverified = false }: PushFlags,
  { env, messages }: Context,
): Promise<Outcome> {
  const options = { unverified, sha256: nodeSha256 };
  const { files } = await planPush(await openOutput(folder), repository, options);
  const asked = { revision, onWarning: messages.warn };
  const removed = await planRemoval(openHub(readHubSettings(env)), repository, files, asked).catch(
    (error: unknown) => {
      if (!(error instanceof ToolkitError)) throw error;
      messages.warn(
        `whether files of an earlier push would be removed is not known: ${error.message}`,
      );
      return undefined;
    },
  );
  const plan = { files, ...(removed !== undefined && { removed }) };
  return {
    passed: true,
    text: pushPlanText(plan, repository, revision),
    document: { dryRun: true, repository, revision, ...plan },
  };
}

/** Fails where the token could not write to the repository: before hours are spent on what to push. */
export async function checkPush(
  repository: string,
  revision: string,
  { env }: Pick<Context, 'env'>,
): Promise<void> {
  checkPushTarget(repository, revision);
  await checkWriter(openHub(readHubSettings(env)), repository);
}

/** Publishes a folder; `again` says how that goes on after an interruption. */
export async function pushFolder(
  folder: string,
  repository: string,
  options: PushOptions,
  { env, messages, progress, interrupts }: Context,
  again = 'run the same command again',
): Promise<Pushed> {
  const hub = openHub(readHubSettings(env));
  const output = await openOutput(folder);
  const ending = new AbortController();
  // nothing is sent anymore, and least of all a commit, while others clear away
  const end = async (): Promise<void> => ending.abort(new Error('the push was ended'));
  const release = interrupts.guard(end, {
    where: { repository, revision: options.revision ?? 'main' },
    fix: `${again}: what was uploaded is not sent again`,
  });
  try {
    return await push(hub, output, repository, {
      ...options,
      signal: ending.signal,
      sha256: nodeSha256,
      onWarning: messages.warn,
      onProgress: (done, total) =>
        progress.update({ stage: `uploading to ${repository}`, done, total }),
    });
  } finally {
    release();
  }
}

/** What came of it. */
export function pushOutcome(pushed: Pushed, { env }: Pick<Context, 'env'>): Outcome {
  const { endpoint } = readHubSettings(env);
  return {
    passed: true,
    text: pushedText(pushed, endpoint),
    document: { push: pushDocument(pushed, endpoint) },
  };
}

async function openOutput(folder: string): Promise<Output> {
  const root = await openFolder(folder);
  // a folder without a manifest is told first, for it may be any folder
  await readManifest({ root, models: root });
  return { root, models: await openFolder(join(folder, 'onnx')) };
}
