// An output folder to a repository of the Hub: one commit, and the words that it is made with.

import { ToolkitError } from './base/errors.ts';
import type { Hasher, WrittenFile } from './base/files.ts';
import type { Manifest } from './base/manifest.ts';
import { pureSha256 } from './base/sha256.ts';
import { tool } from './base/version.ts';
import { checkWriter } from './hub/account.ts';
import { modelCard } from './hub/card.ts';
import { cardName, fetchCard, readableCard } from './hub/fetch-card.ts';
import type { PushedFile } from './hub/held-files.ts';
import { checkHubId, checkRevision, isCommit, isHubId } from './hub/names.ts';
import { publish } from './hub/publish.ts';
import { endedBy, type Hub } from './hub/request.ts';
import { staleFiles } from './hub/stale-files.ts';
import { findParent } from './hub/target.ts';
import { memoryFile, openParcel, type Parcel } from './parcel.ts';
import type { Output } from './runtime/output.ts';

export interface PushOptions {
  /** Branch; main when left out. One that is not there is created. */
  readonly revision?: string;
  /** Create the repository as a private one, and fail where it is public. */
  readonly isPrivate?: boolean;
  /** Propose the files instead of writing to the branch. */
  readonly createPr?: boolean;
  /** First line of the commit's message; at most 200 characters, for the Hub shows it as a title. */
  readonly message?: string;
  /** Publish models that no verification has passed. */
  readonly unverified?: boolean;
  /** Computes hashes; one in TypeScript when left out. */
  readonly sha256?: () => Hasher;
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the push, which then fails with the signal's reason; the next one goes on from there. */
  readonly signal?: AbortSignal;
  /** Told why files of an earlier push stay. */
  readonly onWarning?: (sentence: string) => void;
}

/** What a push sends. */
export interface PushPlan {
  readonly manifest: Manifest;
  /** Files of the repository, the manifest among them. */
  readonly files: readonly WrittenFile[];
}

export interface Pushed extends PushPlan {
  /** `owner/name`. */
  readonly repository: string;
  readonly revision: string;
  /** Commit that holds the files; forty hexadecimal digits. */
  readonly commit: string;
  /** Number of the pull request that proposes them. */
  readonly pullRequest?: number;
  /** Paths of the files that were not there before. */
  readonly added: readonly string[];
  /** Paths of files of an earlier push that are not among those of the folder, and are gone. */
  readonly removed: readonly string[];
}

/**
 * The files of a folder that a push would send. Nothing is connected to, so the model card is that
 * of a repository that has none.
 */
export async function planPush(
  output: Output,
  repository: string,
  { unverified = false, sha256 = pureSha256 }: Pick<PushOptions, 'unverified' | 'sha256'> = {},
): Promise<PushPlan> {
  const parcel = await openParcel(output, { unverified, sha256 });
  await parcel.close();
  const { manifest, readme } = parcel;
  const card = modelCard({
    manifest,
    id: repository,
    ...(readme !== undefined && { existing: readme }),
  });
  return { manifest, files: withCard(parcel, card, sha256).map(listed) };
}

/**
 * Paths in a repository that a push of these files would remove, as files of an earlier push that
 * the folder does not have. Nothing is changed there.
 */
export async function planRemoval(
  hub: Hub,
  repository: string,
  files: readonly WrittenFile[],
  {
    revision = 'main',
    onWarning = () => undefined,
  }: Pick<PushOptions, 'revision' | 'onWarning'> = {},
): Promise<readonly string[]> {
  const commit = await findParent(hub, repository, revision);
  return commit === undefined
    ? []
    : await staleFiles(hub, { id: repository, commit, files }, onWarning);
}

/**
 * Publishes a folder that a conversion wrote, in one commit. Every file is held against the
 * manifest first, and every model has to have passed a verification. What the Hub holds already is
 * not sent again, so a push that was cut off is finished by the next one. Files that an earlier push
 * brought, and that the folder does not have, are removed in the same commit.
 */
export async function push(
  hub: Hub,
  output: Output,
  repository: string,
  options: PushOptions = {},
): Promise<Pushed> {
  const { revision = 'main', message, signal } = options;
  checkPushTarget(repository, revision, message);
  if (signal === undefined) return await send(hub, output, repository, options);
  return await send(endedBy(hub, signal), output, repository, options).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}

async function send(
  hub: Hub,
  output: Output,
  repository: string,
  options: PushOptions,
): Promise<Pushed> {
  const { revision = 'main', isPrivate = false, createPr = false, unverified = false } = options;
  const { sha256 = pureSha256, message, onProgress, onWarning = () => undefined } = options;
  let [done, total] = [0, 0];
  const onBytes = (count: number): void => {
    done += count;
    if (done > 0) onProgress?.(done, total);
  };
  // before gigabytes are hashed; anybody may propose
  const account = await checkWriter(hub, createPr ? undefined : repository);
  const parcel = await openParcel(output, { unverified, sha256, onBytes });
  try {
    const { manifest, failing } = parcel;
    let files: readonly PushedFile[] = [];
    const filesAt = async (parent: string): Promise<readonly PushedFile[]> => {
      const card = await cardFor(hub, parcel, repository, parent);
      files = withCard(parcel, card, sha256);
      return files;
    };
    const found = await publish(hub, filesAt, {
      id: repository,
      branch: revision,
      account,
      isPrivate,
      createPr,
      title: message ?? titleOf(manifest),
      description: descriptionOf(manifest),
      failing: options.signal ? AbortSignal.any([failing, options.signal]) : failing,
      onWarning,
      onMissing: (missing) => {
        total = missing.reduce((sum, { size }) => sum + size, 0);
      },
    });
    return { repository, revision, manifest, files: files.map(listed), ...found };
  } finally {
    await parcel.close();
  }
}

/** The model card; what people wrote into the one that is there stays. */
async function cardFor(
  hub: Hub,
  { manifest, readme }: Parcel,
  id: string,
  parent: string,
): Promise<string> {
  const { source } = manifest;
  const isKnown = source !== undefined && isHubId(source.id) && isCommit(source.revision);
  const sourceCard = isKnown ? await readableCard(hub, source.id, source.revision) : undefined;
  const existing = readme ?? (await fetchCard(hub, id, parent));
  return modelCard({
    manifest,
    id,
    ...(sourceCard !== undefined && { sourceCard }),
    ...(existing !== undefined && { existing }),
  });
}

/** The manifest, the card, the rest. */
function withCard(
  { files: [manifest, ...rest] }: Parcel,
  card: string,
  sha256: () => Hasher,
): readonly PushedFile[] {
  const file = memoryFile(cardName, new TextEncoder().encode(card), sha256);
  return manifest === undefined ? [file] : [manifest, file, ...rest];
}

/** Fails on what cannot be the name of a repository, or of a branch, or a commit's first line. */
export function checkPushTarget(repository: string, revision: string, message?: string): void {
  checkHubId(repository);
  checkRevision(revision);
  if (isCommit(revision)) {
    throw new ToolkitError('USAGE', 'a commit cannot be written to', {
      where: { revision },
      fix: 'name a branch',
    });
  }
  if (message === undefined || /^(?=.*\S)[^\r\n]{1,200}$/.test(message)) return;
  throw new ToolkitError('USAGE', 'the message of a commit is one line of at most 200 characters', {
    where: { message },
    fix: 'say in a few words what is published',
  });
}

function listed({ path, size, sha256 }: PushedFile): WrittenFile {
  return { path, size, sha256 };
}

function titleOf({ dtypes }: Manifest): string {
  return `Upload ONNX models in ${dtypes.join(', ')}`;
}

function descriptionOf({ source, verifications, tool: { name, version } }: Manifest): string {
  const from = source === undefined ? '' : ` from ${source.id} at ${source.revision}`;
  const passed = verifications
    .filter((each) => each.passed)
    .map(({ file, runtime, golden }) => `- ${file} on ${runtime}, against ${golden}`);
  const proof = passed.length === 0 ? 'Not verified.' : `Verified:\n${passed.join('\n')}`;
  const sender = version === tool.version ? '' : ` Pushed by ${tool.name} ${tool.version}.`;
  return `Converted${from} by ${name} ${version}.${sender}\n\n${proof}\n`;
}
