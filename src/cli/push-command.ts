// `push`: publishes an output folder on the Hub.

import { join } from 'node:path';
import { openFolder } from '../checkpoint/file-source.ts';
import { checkWriter } from '../hub/account.ts';
import { readHubSettings } from '../hub/file-settings.ts';
import { openHub } from '../hub/request.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { checkPushTarget, planPush, push, type Pushed, type PushOptions } from '../push.ts';
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
  const { revision = 'main', unverified = false } = flags;
  checkPushTarget(repository, revision);
  if (flags.dryRun === true) {
    const plan = await planPush(await openOutput(folder), repository, {
      unverified,
      sha256: nodeSha256,
    });
    return {
      passed: true,
      text: pushPlanText(plan.files, repository, revision),
      document: { dryRun: true, repository, revision, files: plan.files },
    };
  }
  const { private: isPrivate = false, createPr = false, message } = flags;
  const options = {
    revision,
    unverified,
    isPrivate,
    createPr,
    ...(message !== undefined && { message }),
  };
  return pushOutcome(await pushFolder(folder, repository, options, context), context);
}

/** Fails where the token could not write to the Hub: before hours are spent on what to push. */
export async function checkPush(
  repository: string,
  revision: string,
  { env }: Pick<Context, 'env'>,
): Promise<void> {
  checkPushTarget(repository, revision);
  await checkWriter(openHub(readHubSettings(env)));
}

/** Publishes a folder. */
export async function pushFolder(
  folder: string,
  repository: string,
  options: PushOptions,
  { env, progress }: Pick<Context, 'env' | 'progress'>,
): Promise<Pushed> {
  const hub = openHub(readHubSettings(env));
  return await push(hub, await openOutput(folder), repository, {
    ...options,
    sha256: nodeSha256,
    onProgress: (done, total) =>
      progress.update({ stage: `uploading to ${repository}`, done, total }),
  });
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
