// The command line that a job runs: the one that was given here, for one source at one commit.

import { createHash } from 'node:crypto';
import { tool } from '../base/version.ts';
import type { JobRequest } from '../hub/jobs-start.ts';
import { printKeepRule } from '../quantize/keep.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import type { PushGoal } from './push-goal.ts';

/** A source at a commit, and where its conversion is published. */
export interface JobSource {
  /** `owner/name`. */
  readonly source: string;
  /** Forty hexadecimal digits: a branch may move until the job runs. */
  readonly commit: string;
  readonly goal: PushGoal;
}

/** Flags as words of a command line. A new flag does not compile until it says what it becomes. */
type Words = {
  readonly [Name in keyof Required<ConvertFlags>]: (
    value: NonNullable<ConvertFlags[Name]>,
  ) => readonly string[];
};

const stays = (): readonly string[] => [];
const switched = (option: string) => (on: boolean) => (on ? [option] : []);
const unswitched = (option: string) => (on: boolean) => (on ? [] : [option]);
const valued = (option: string) => (value: string | number) => [option, String(value)];

const words: Words = {
  task: valued('--task'),
  dtype: (formats) => ['--dtype', formats.join(',')],
  target: valued('--target'),
  method: valued('--method'),
  blockSize: valued('--block-size'),
  symmetry: valued('--symmetry'),
  accuracyLevel: valued('--accuracy-level'),
  targetKl: valued('--target-kl'),
  keep: (rules) => rules.flatMap((rule) => ['--keep', printKeepRule(rule)]),
  fp16Check: unswitched('--no-fp16-check'),
  strictFp16: switched('--strict-fp16'),
  numLogitsToKeep: unswitched('--no-num-logits-to-keep'),
  singleFile: switched('--single-file'),
  verify: switched('--verify'),
  debug: switched('--debug'),
  private: switched('--private'),
  // each job has its own
  sources: stays,
  revisions: stays,
  revision: stays,
  pushTo: stays,
  // what happens here
  jobs: stays,
  json: stays,
  offline: stays,
  force: stays,
  // refused with --jobs
  output: stays,
  golden: stays,
  calibration: stays,
  dryRun: stays,
};

/** The words of one flag; nothing where it was not given. */
function wordsOf<Name extends keyof Words>(name: Name, flags: ConvertFlags): readonly string[] {
  const value = flags[name];
  return value === undefined ? [] : words[name](value as NonNullable<ConvertFlags[Name]>);
}

/** The command of a job, word by word: no shell reads it. */
export function jobCommand(source: JobSource, flags: ConvertFlags): readonly string[] {
  const names = Object.keys(words) as (keyof Words)[];
  const shaping = names.flatMap((name) => wordsOf(name, flags));
  // what is pushed is verified first, and the image has no driver for a GPU to do that on
  const packages = [`${tool.name}@${tool.version}`, 'onnxruntime-node'];
  const runner = ['npx', '--yes', ...packages.flatMap((name) => ['--package', name])];
  const convert = [tool.name, 'convert', source.source, ...revisionOf(source)];
  return [...runner, ...convert, ...shaping, '--push-to', source.goal.repository];
}

/** The commit; where a branch is pushed to the branch of its name, that name. */
function revisionOf({ commit, goal: { revision } }: JobSource): readonly string[] {
  if (revision === 'main') return ['--revision', commit];
  return ['--revisions', revision, '--output', 'converted'];
}

/** Name of the label that tells one request from all others. */
const key = 'request';

/** What the Hub is asked for. */
export function jobRequest(
  source: JobSource,
  flags: ConvertFlags,
  { namespace, flavor, endpoint }: Readonly<Record<'namespace' | 'flavor' | 'endpoint', string>>,
): JobRequest {
  const command = jobCommand(source, flags);
  const environment = {
    // else its install script fetches libraries for CUDA
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    ...(endpoint !== 'https://huggingface.co' && { HF_ENDPOINT: endpoint }),
  };
  // the flavor is left out: on a larger machine it is the same conversion
  const request = createHash('sha256')
    .update(JSON.stringify([command, environment]))
    .digest('hex');
  const labels = {
    tool: tool.name,
    source: labelValue(source.source),
    revision: source.commit,
    [key]: request.slice(0, 32),
  };
  return { namespace, flavor, command, environment, labels, key };
}

/** The Hub takes letters, digits, `-` and `_` in labels. */
function labelValue(text: string): string {
  return text.replaceAll(/[^\w-]/g, '-').slice(0, 60);
}
