// A golden case as a repository of the small Hub, and the command line that fetches it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { caseFolder, command, noGpu, type Ran } from '../command.ts';
import type { MockHub } from './mock-hub.ts';

/** What the Hub is asked with, and what is printed nowhere. */
export const token: string = 'secret-token-0123456789';

function caseFiles(name: string): Record<string, Uint8Array> {
  const folder = caseFolder(name);
  const wanted = readdirSync(folder).filter((file) => !/^golden|^case/.test(file));
  return Object.fromEntries(
    wanted.map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]),
  );
}

export const files: Readonly<Record<string, Uint8Array>> = caseFiles('clm-default');
export const weights: Uint8Array = files['model.safetensors'] ?? new Uint8Array();

/** The environment of a run that keeps its cache below `home`. */
export function envOf(hub: MockHub, home: string): Record<string, string> {
  return {
    ...noGpu,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: home,
    HF_TOKEN: token,
    HF_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
  };
}

/** Inspects the repository, with the cache in `hf`. */
export const inspect = async (
  hub: MockHub,
  cwd: string,
  ...args: readonly string[]
): Promise<Ran> =>
  await command(['inspect', 'some/model', ...args], { cwd, env: envOf(hub, join(cwd, 'hf')) });
