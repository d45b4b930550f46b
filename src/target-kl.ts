// The stage before the passes that chooses formats for a KL divergence from fp32: what the weights of
// each product cost in the smaller format is measured alone, and the cheapest choice that meets the
// target, measured as a whole, becomes rules of `keep`.

import { ToolkitError } from './base/errors.ts';
import { isQuantized, type Quantization, type Target } from './base/manifest.ts';
import { Arena } from './calibrate/arena.ts';
import { chooseFormats, rulesOf } from './calibrate/choose-formats.ts';
import { callingThread } from './calibrate/engine.ts';
import type { CalibrationTokens } from './calibrate/text.ts';
import { weightsOf } from './calibrate/weights.ts';
import type { GptqOptions } from './gptq.ts';
import type { Graph } from './ir/graph.ts';
import type { Source } from './model/source.ts';
import { quantizedTensors } from './passes/quantize.ts';
import { completeSettings } from './quantize/settings.ts';

export interface TargetKlOptions extends GptqOptions {
  readonly target: Target;
  /** Has each quantized dtype keep as few weights in larger formats as this KL divergence allows. */
  readonly targetKl?: number;
}

/** The settings with rules that meet the target; as they are where none is given. */
export async function withChosenFormats(
  { checkpoint, config, task }: Source,
  graph: Graph,
  text: CalibrationTokens | undefined,
  options: TargetKlOptions,
): Promise<Quantization> {
  const settings = completeSettings(options.quantization);
  const { targetKl, dtypes, target, engine = callingThread, onProgress } = options;
  if (targetKl === undefined || text === undefined) return settings;
  const products = quantizedTensors(graph);
  const memory = new Arena(engine);
  const choices = await chooseFormats(dtypes.filter(isQuantized), {
    model: { config, task, weights: weightsOf(checkpoint.tensors, engine), engine },
    reused: {
      weights: weightsOf(checkpoint.tensors, engine, (length) => memory.floats(length)),
      memory,
    },
    text,
    products,
    settings,
    targetKl,
    // as ONNX Runtime does on a CPU; other runtimes are closer
    roundsInputs: target === 'onnxruntime' && settings.accuracyLevel === 4,
    onUnit: (done, total) => onProgress?.({ stage: 'measured products', done, total }),
    onWhole: (done, total) => onProgress?.({ stage: 'measured models', done, total }),
  });
  const keep = [...choices.flatMap(rulesOf), ...(settings.keep ?? [])];
  return { ...settings, ...(keep.length > 0 && { keep }), choices };
}

/** Refuses a target that cannot be one for a model. */
export function checkTargetKl(
  { task, config }: Pick<Source, 'task' | 'config'>,
  { targetKl, dtypes }: Pick<TargetKlOptions, 'targetKl' | 'dtypes'>,
): void {
  if (targetKl === undefined) return;
  const refuse = (rule: string, fix: string): never => {
    throw new ToolkitError('USAGE', rule, { where: { 'target-kl': targetKl }, fix });
  };
  if (!isTargetKl(targetKl)) refuse(`a KL divergence to meet is ${targetKlRule}`, 'try 0.01');
  if (!dtypes.some(isQuantized)) {
    refuse('a KL divergence is met by a quantized dtype', 'add --dtype q4');
  }
  const labels = task === 'text-classification' ? config.labels.length : undefined;
  if (task === 'feature-extraction' || labels === 1) {
    refuse('KL divergence is of a model with a vocabulary or with labels', 'choose with --keep');
  }
}

/** What a target is, in words for messages. */
export const targetKlRule = 'a number above 0';

export function isTargetKl(value: number): boolean {
  return value > 0 && value < Number.POSITIVE_INFINITY;
}
