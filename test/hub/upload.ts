// A push against the small Hub, and what has to hold whatever happened on the way.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ToolkitError } from '../../src/base/errors.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { openHub } from '../../src/hub/request.ts';
import { nodeSha256 } from '../../src/onnx/file-sink.ts';
import { push, type Pushed, type PushOptions } from '../../src/push.ts';
import { noGpu } from '../command.ts';
import { commitCount, type UploadHub } from './mock-upload.ts';
import { pushedPaths } from './pushable.ts';

export const id = 'me/ettin';
export const token = 'secret-token-0123456789';

export interface Push {
  /** 'done', or the code of the error. */
  readonly ended: string;
  readonly message: string;
  readonly pushed: Pushed | undefined;
  /** Milliseconds of each pause between tries. */
  readonly waits: readonly number[];
}

interface ConnectionOptions {
  readonly token?: string | undefined;
  readonly offline?: boolean;
  /** How long silence is borne. */
  readonly patienceMs?: number;
}

/** Pushes a folder; pauses take no time. */
export async function pushTo(
  hub: UploadHub,
  folder: string,
  options: PushOptions & ConnectionOptions = {},
): Promise<Push> {
  const { patienceMs = 20_000 } = options;
  const waits: number[] = [];
  const clock = {
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    random: () => 0.5,
    sleep: async (ms: number) => void waits.push(ms),
  };
  const settings = { endpoint: hub.endpoint, token, cache: '', offline: false, ...options };
  const opened = openHub(settings, { clock, stallMs: patienceMs, headersMs: patienceMs });
  const output = { root: await openFolder(folder), models: await openFolder(join(folder, 'onnx')) };
  try {
    const pushed = await push(opened, output, id, { sha256: nodeSha256, ...options });
    return { ended: 'done', message: '', pushed, waits };
  } catch (error) {
    if (!(error instanceof ToolkitError)) throw error;
    expect(error.message).not.toContain(token);
    return { ended: error.code, message: error.message, pushed: undefined, waits };
  }
}

/** The environment of a command that pushes a folder there. */
export function pushEnv(hub: UploadHub, folder: string): Record<string, string> {
  return {
    ...noGpu,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: join(folder, '../hf'),
    HF_TOKEN: token,
    HF_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
  };
}

/** The branch holds the folder's files, after so many commits beside the first. */
export function expectWhole(
  hub: UploadHub,
  folder: string,
  { branch = 'main', commits = 1, paths = pushedPaths }: ExpectedBranch = {},
): void {
  const files = hub.files(id, branch);
  expect(Object.keys(files).toSorted()).toEqual([...paths].toSorted());
  expect(textOf(files, 'README.md')).toContain('`onnx/model.onnx`');
  for (const [path, bytes] of Object.entries(files)) {
    if (path === 'README.md') continue;
    expect([path, Buffer.compare(bytes, readFileSync(join(folder, path)))]).toEqual([path, 0]);
  }
  expect(commitCount(hub, id)).toBe(commits);
}

/** A file of a branch as text. */
export function textOf(files: Readonly<Record<string, Uint8Array>>, path: string): string {
  return new TextDecoder().decode(files[path]);
}

interface ExpectedBranch {
  readonly branch?: string;
  readonly commits?: number;
  readonly paths?: readonly string[];
}
