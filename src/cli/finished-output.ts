// Whether an output folder is what a conversion would write again. The manifest does not hold every
// option, so the folder of all outputs has a file that says what each was asked for. It is written
// before a folder appears, so that a run that is killed in between is not done twice.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeUtf8 } from '../base/json-file.ts';
import { parseJson, type JsonValue } from '../base/json.ts';
import type { SourceFolder, WrittenFile } from '../base/files.ts';
import { type Manifest, manifestName } from '../base/manifest.ts';
import { parseManifest } from '../base/manifest-reader.ts';
import { tool } from '../base/version.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { hashSource } from '../checkpoint/hash.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { checkHashes } from '../verify.ts';
import { readCalibration } from './calibration-file.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { replaceFile } from './report-files.ts';
import type { Interrupts } from './signals.ts';

/** Name of the file beside the output folders. */
const recordName = 'modernbert-onnx-runs.json';

/** What is known of an output folder. */
export interface Run {
  /** What it was asked for. */
  readonly asked: string;
  /** Where it was published before it was removed. */
  readonly pushed?: PushedRun;
}

export interface PushedRun {
  /** `owner/name@branch`. */
  readonly to: string;
  readonly commit: string;
  readonly manifest: Manifest;
}

/** By the name of the output folder. */
export type Runs = ReadonlyMap<string, Run>;

/** What was asked for before in this folder; a file that cannot be read says nothing. */
export async function readRuns(folder: string): Promise<Runs> {
  try {
    const text = decodeUtf8(await readFile(join(folder, recordName))) ?? '';
    const root = parseJson(text, { what: recordName });
    if (!(root instanceof Map)) return new Map();
    return new Map([...root].flatMap(([name, value]) => readRun(name, value)));
  } catch {
    return new Map();
  }
}

function readRun(name: string, value: JsonValue): readonly (readonly [string, Run])[] {
  if (typeof value === 'string') return [[name, { asked: value }]];
  if (!(value instanceof Map)) return [];
  const [asked, to, commit, manifest] = ['asked', 'to', 'commit', 'manifest'].map((key) => {
    const field = value.get(key);
    return typeof field === 'string' ? field : '';
  });
  if (!asked || !to || !commit || !manifest) return [];
  const read = parseManifest(new TextEncoder().encode(manifest));
  return [[name, { asked, pushed: { to, commit, manifest: read } }]];
}

/** Writes what was asked for. */
export async function writeRuns(folder: string, runs: Runs, interrupts: Interrupts): Promise<void> {
  const text = JSON.stringify(
    Object.fromEntries([...runs].map(([name, run]) => [name, written(run)])),
    undefined,
    2,
  );
  await replaceFile(join(folder, recordName), new TextEncoder().encode(`${text}\n`), interrupts);
}

// a manifest stays text, so that it is read by the reader that checks it
function written({ asked, pushed }: Run): unknown {
  if (pushed === undefined) return asked;
  return { asked, ...pushed, manifest: JSON.stringify(pushed.manifest) };
}

/** Everything that shapes an output besides its source, as one hash. */
export async function askedFor(flags: ConvertFlags): Promise<string> {
  const { output: _output, revision: _revision, sources: _sources, ...others } = flags;
  const {
    force: _force,
    revisions: _revisions,
    pushTo: _pushTo,
    private: _private,
    ...rest
  } = others;
  const { json: _json, debug: _debug, offline: _offline, ...shaping } = rest;
  const text = await readCalibration(flags);
  const sorted = Object.entries(shaping).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256').update(JSON.stringify([tool.version, sorted]));
  return (text === undefined ? hash : hash.update(text)).digest('hex');
}

/** The manifest of a folder that is whole; undefined where it is not. */
export async function wholeOutput(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest = await readOutputManifest(folder);
    const models = await openFolder(join(folder, 'onnx'));
    await checkHashes({ root: await openFolder(folder), models }, manifest, nodeSha256);
    return manifest;
  } catch {
    return undefined;
  }
}

/** The manifest of an output folder. */
export async function readOutputManifest(folder: string): Promise<Manifest> {
  return parseManifest(await readFile(join(folder, manifestName)));
}

/** Whether a source is the one that a manifest tells of: its commit, or the bytes of its files. */
export async function isMadeFrom(source: SourceFolder, manifest: Manifest): Promise<boolean> {
  if (manifest.tool.version !== tool.version) return false;
  if (source.hub !== undefined) {
    const { id, revision } = source.hub;
    return manifest.source?.id === id && manifest.source.revision === revision;
  }
  for (const input of manifest.inputs) {
    if (!(await isSame(source, input))) return false;
  }
  return true;
}

async function isSame(folder: SourceFolder, { path, size, sha256 }: WrittenFile): Promise<boolean> {
  const file = await folder.open(path);
  if (!file) return false;
  try {
    return file.size === size && (await hashSource(file, nodeSha256())).sha256 === sha256;
  } finally {
    await file.close();
  }
}
