// The stage between passes and weights that rounds by gptq: it needs the checkpoint's numbers, its
// tokenizer and random numbers, which no stage alone has.

import type { Hasher, SourceFolder } from './base/files.ts';
import {
  type Calibration,
  isQuantized,
  type Quantization,
  type WeightFormat,
} from './base/manifest.ts';
import { pureSha256 } from './base/sha256.ts';
import { callingThread, type Engine } from './calibrate/engine.ts';
import { roundModels, withMixes } from './calibrate/models.ts';
import { calibrationText } from './calibrate/text.ts';
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
  /** Text that gptq is calibrated on; without one, the model writes it. */
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
  readonly stage: 'weights' | 'checked products' | 'calibration tokens' | 'rounded weights';
  readonly done: number;
  readonly total: number;
}

export interface Rounded {
  readonly weights: RoundedWeights;
  readonly calibration: Calibration;
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

/** What gptq makes of the models' weights; undefined where it is not asked for. */
export async function roundByGptq(
  { checkpoint, config, task }: Source,
  folder: SourceFolder,
  jobs: readonly WriteJob[],
  options: GptqOptions,
): Promise<Rounded | undefined> {
  const { method } = completeSettings(options.quantization);
  if (method !== 'gptq' || !options.dtypes.some(isQuantized)) return undefined;
  const { engine = callingThread, sha256 = pureSha256, onProgress } = options;
  const model = { config, task, weights: weightsOf(checkpoint.tensors, engine), engine };
  const { sequences, calibration } = await calibrationText(model, options.calibration, {
    encode: async (text) => (await openTokenizer(folder)).encode(text),
    random: randomStream,
    sha256,
    onWritten: (done, total) => onProgress?.({ stage: 'calibration tokens', done, total }),
  });
  if (calibration.tokens < fewTokens) {
    options.onWarning?.(
      `the calibration text has ${calibration.tokens} tokens: with fewer than ${fewTokens}, gptq ` +
        'may do worse than rtn',
    );
  }
  const weights = await roundModels(
    { ...model, sequences },
    jobs.map((job) => job.model.graph),
    (done, total) => onProgress?.({ stage: 'rounded weights', done, total }),
  );
  return { weights, calibration };
}
