// Downloads from a Hub that a test spoils, and what must hold however they end.

import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ToolkitError } from '../../src/base/errors.ts';
import { openSnapshot } from '../../src/hub/file-snapshot.ts';
import { openHub } from '../../src/hub/request.ts';
import { caseFolder } from '../command.ts';
import { temporaryFolder, treeOf } from '../tree.ts';
import { commit, type Fault, hashOf, mockHub, type MockHub } from './mock-hub.ts';
import { faultRows, type Rows } from './rows.ts';

export const rows: Rows = faultRows('Network faults, download: row, how it ended, cases');
export const config: Uint8Array = new Uint8Array(
  readFileSync(join(caseFolder('clm-default'), 'config.json')),
);
export const weights: Uint8Array = new Uint8Array(randomBytes(3_000_000));
export const size: number = weights.length;
export const files: Readonly<Record<'config.json' | 'model.safetensors', Uint8Array>> = {
  'config.json': config,
  'model.safetensors': weights,
};
const isWeights = (url: string | undefined): boolean =>
  url?.endsWith('/model.safetensors') === true;

/** Spoils the answers to requests for the weights, counted from 1; the others are right. */
export function spoiled(
  spoil: (
    response: ServerResponse,
    count: number,
    range: string | undefined,
    logged: Parameters<Fault>[2],
  ) => boolean,
): Fault {
  let count = 0;
  return (request, response, logged) => {
    if (!isWeights(request.url)) return false;
    count += 1;
    return spoil(response, count, request.headers.range, logged);
  };
}

export interface Run {
  readonly hub: MockHub;
  readonly parent: string;
  readonly waits: readonly number[];
  /** 'done', or the code of the error. */
  readonly ended: string;
  readonly message: string;
}

export async function download(
  hub: MockHub,
  {
    revision,
    token,
    offline = false,
    parent = temporaryFolder(),
    stallMs = 300,
    headersMs = 300,
  }: {
    readonly revision?: string;
    readonly token?: string;
    readonly offline?: boolean;
    readonly parent?: string;
    readonly stallMs?: number;
    readonly headersMs?: number;
  } = {},
): Promise<Run> {
  const waits: number[] = [];
  const clock = {
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    random: () => 0.5,
    sleep: async (ms: number) => void waits.push(ms),
  };
  const settings = { endpoint: hub.endpoint, token, cache: join(parent, 'cache'), offline };
  const opened = openHub(settings, { clock, stallMs, headersMs });
  const [ended, message] = await openSnapshot(
    opened,
    'some/model',
    revision === undefined ? {} : { revision },
  ).then(
    () => ['done', ''],
    (error: unknown) => {
      if (error instanceof ToolkitError) return [error.code, error.message];
      throw error;
    },
  );
  return { hub, parent, waits, ended: ended ?? '', message: message ?? '' };
}

/** The cache holds what the Hub does, or nothing under the weights' hash. */
function expectClean({ parent, ended }: Run): void {
  expect(readdirSync(parent).filter((name) => name !== 'cache')).toEqual([]);
  const tree = treeOf(parent);
  const hash = hashOf(weights, true);
  for (const [path, text] of Object.entries(tree)) {
    const name = /^cache\/models--some--model\/blobs\/([0-9a-f]{40,64})$/.exec(path)?.[1];
    if (name?.length === 64) {
      expect(createHash('sha256').update(text, 'latin1').digest('hex')).toBe(name);
    }
  }
  if (ended !== 'done') return;
  const base = 'cache/models--some--model';
  expect(tree[`${base}/snapshots/${commit}/model.safetensors`]).toBe(`→ ../../blobs/${hash}`);
  expect(tree[`${base}/refs/main`] ?? commit).toBe(commit);
  expect(Object.keys(tree).filter((path) => path.includes('incomplete'))).toEqual([]);
}

export async function expectRow(
  row: string,
  fault: Fault,
  ended: string,
  options = {},
): Promise<Run> {
  const run = await download(await mockHub(files, fault), options);
  expect([run.ended, run.message]).toEqual([ended, run.message]);
  expectClean(run);
  rows.passed(row, ended);
  return run;
}

export const status =
  (code: number, headers = {}) =>
  (response: ServerResponse): true => {
    response.writeHead(code, headers).end('no');
    return true;
  };
