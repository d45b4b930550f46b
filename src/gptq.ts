// The stages that read a calibration text and, between passes and weights, round by gptq: they need
// the checkpoint's numbers, its tokenizer and random numbers, which no stage alone has.

import type { Hasher, SourceFolder } from './base/files.ts';
import { isQuantized, type Quantization, type WeightFormat } from './base/manifest.ts';
import { pureSha256 } from './base/sha256.ts';
import { callingThread, type Engine } from './calibrate/engine.ts';
import { roundModels, withMixes } from './calibrate/models.ts';
import { type CalibrationTokens, calibrationText, windows } from './calibrate/text.ts';
import { weightsOf } from './calibrate/weights.ts';
import type { Source } from './model/source.ts';
import type { WriteJob } from './onnx/write-model.ts';
import type { RoundedWeights } from './quantize/rounded.ts';
import { completeSettings } from './quantize/settings.ts';
import { randomStream } from './runtime/text/random.ts';
import { openTokenizer } from './runtime/text/tokenizer.ts';

export interface GptqOptions {
  readonly dtypes: readonly WeightFormat[];
  /** How weights are quantized, for the dtypes that are. */
  readonly quantization?: Partial<Quantization>;
  /** Text that gptq is calibrated on, and formats are chosen on; without one, the model writes it. */
  readonly calibration?: string;
  /** Does the long loops of gptq; the calling thread by default. */
  readonly engine?: Engine;
  /** A hash faster than the one in TypeScript. */
  readonly sha256?: () => Hasher;
  readonly onProgress?: (progress: Progress) => void;
  readonly onWarning?: (sentence: string) => void;
}

/** How far a stage is: bytes of the checkpoint that are written; before that, what is measured. */
export interface Progress {
  readonly stage:
    | 'weights'
    | 'checked products'
    | 'calibration tokens'
    | 'measured products'
    | 'measured models'
    | 'rounded weights';
  readonly done: number;
  readonly total: number;
}

/** Where a text has fewer, codes suit what it says more than what the model knows. */
const fewTokens = 2048;

/** The models with recipes that tell apart what gptq rounds in several mixes of formats. */
export function mixedJobs(jobs: readonly WriteJob[]): readonly WriteJob[] {
  const graphs = withMixes(jobs.map(({ model }) => model.graph));
  return jobs.map((job, i) => {
    const graph = graphs[i];
    return graph === undefined ? job : { ...job, model: { ...job.model, graph } };
  });
}

/** Windows of text that formats are chosen on; those held out measure the choice. */
const measuring = { calibrating: 2, heldOut: 8 };

/** The tokens for gptq, and for a choice of formats; undefined where neither is asked for. */
export async function calibrationFor(
  { checkpoint, config, task }: Source,
  folder: SourceFolder,
  options: GptqOptions & { readonly targetKl?: number },
): Promise<CalibrationTokens | undefined> {
  const isGptq = completeSettings(options.quantization).method === 'gptq';
  const measures = options.targetKl !== undefined;
  if (!(isGptq || measures) || !options.dtypes.some(isQuantized)) return undefined;
  const { engine = callingThread, sha256 = pureSha256, onProgress } = options;
  const model = { config, task, weights: weightsOf(checkpoint.tensors, engine), engine };
  const found = await calibrationText(
    model,
    options.calibration,
    {
      encode: async (text) => (await openTokenizer(folder)).encode(text),
      random: randomStream,
      sha256,
      onWritten: (done, total) => onProgress?.({ stage: 'calibration tokens', done, total }),
    },
    {
      calibrating: isGptq ? windows : measuring.calibrating,
      heldOut: measures ? measuring.heldOut : 0,
    },
  );
  for (const sentence of warningsOf(found, isGptq, measures)) options.onWarning?.(sentence);
  return found;
}

function warningsOf(
  { calibration: { tokens, source }, heldOut }: CalibrationTokens,
  isGptq: boolean,
  measures: boolean,
): readonly string[] {
  const found: string[] = [];
  if (isGptq && tokens < fewTokens) {
    found.push(
      `the calibration text has ${tokens} tokens: with fewer than ${fewTokens}, gptq ` +
        'may do worse than rtn',
    );
  }
  if (measures && source === 'random') {
    found.push('the KL divergence is measured on tokens at random: give --calibration');
  }
  if (measures && heldOut.length === 0) {
    found.push('the calibration text is too short to measure on other tokens of it');
  }
  return found;
}

/** What gptq makes of the models' weights; undefined where it is not asked for. */
export async function roundByGptq(
  { checkpoint, config, task }: Source,
  text: CalibrationTokens | undefined,
  jobs: readonly WriteJob[],
  options: GptqOptions,
): Promise<RoundedWeights | undefined> {
  const { method } = completeSettings(options.quantization);
  if (method !== 'gptq' || text === undefined) return undefined;
  const { engine = callingThread, onProgress } = options;
  const weights = weightsOf(checkpoint.tensors, engine);
  return await roundModels(
    { config, task, weights, engine, sequences: text.sequences },
    jobs.map((job) => job.model.graph),
    (done, total) => onProgress?.({ stage: 'rounded weights', done, total }),
  );
}
