// Downloads from a Hub that a test spoils, and what must hold however they end.

import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
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

/** What the Hub is asked with, and what no failure may show. */
export const secret = 'secret-token-0123456789';

export interface Run {
  readonly hub: MockHub;
  readonly parent: string;
  readonly waits: readonly number[];
  /** 'done', or the code of the error. */
  readonly ended: string;
  readonly message: string;
  /** The error and its causes, whole. */
  readonly error: string;
}

export async function download(
  hub: MockHub,
  {
    revision,
    offline = false,
    parent = temporaryFolder(),
    stallMs = 5000,
    headersMs = 5000,
    anonymous = false,
    endpoint = hub.endpoint,
  }: {
    readonly revision?: string;
    readonly offline?: boolean;
    readonly parent?: string;
    readonly stallMs?: number;
    readonly headersMs?: number;
    readonly anonymous?: boolean;
    readonly endpoint?: string;
  } = {},
): Promise<Run> {
  const waits: number[] = [];
  const clock = {
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    random: () => 0.5,
    sleep: async (ms: number) => void waits.push(ms),
  };
  const settings = {
    endpoint,
    token: anonymous ? undefined : secret,
    cache: join(parent, 'cache'),
    offline,
  };
  const opened = openHub(settings, { clock, stallMs, headersMs });
  const [ended = '', message = '', error = ''] = await openSnapshot(
    opened,
    'some/model',
    revision === undefined ? {} : { revision },
  ).then(
    () => ['done'],
    (failure: unknown) => {
      if (failure instanceof ToolkitError) {
        return [failure.code, failure.message, inspect(failure, { depth: 9 })];
      }
      throw failure;
    },
  );
  return { hub, parent, waits, ended, message, error };
}

/** The cache holds what the Hub does, or nothing under the weights' hash. */
function expectClean({ parent, ended, error }: Run): void {
  expect(readdirSync(parent).filter((name) => name !== 'cache')).toEqual([]);
  const tree = treeOf(parent);
  const hash = hashOf(weights, true);
  for (const [path, text] of Object.entries(tree)) {
    const name = /^cache\/models--some--model\/blobs\/([0-9a-f]{40,64})$/.exec(path)?.[1];
    if (name?.length === 64) {
      expect(createHash('sha256').update(text, 'latin1').digest('hex')).toBe(name);
    }
  }
  if (ended !== 'done') {
    expect(error + JSON.stringify(tree)).not.toContain(secret);
    return rows.passed('N13', 'no token');
  }
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
  return expectEnd(row, await download(await mockHub(files, fault), options), ended);
}

/** Holds a run against the end that it must have, and counts it in a row. */
export function expectEnd(row: string, run: Run, ended: string): Run {
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
