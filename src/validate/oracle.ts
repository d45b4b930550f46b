// The oracle: the model in plain loops and double precision, straight from a checkpoint.
//
// It shares nothing with the exporter but the config: no graph, no operators, no table of theirs.
// So a mistake in building a graph cannot hide in the numbers the graph is held against.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { TensorRef } from '../base/tensors.ts';
import { linear, type Linear } from './oracle-linear.ts';
import { OraclePass } from './oracle-pass.ts';
import { neededShapes, openWeights, vocabularyProjection } from './oracle-weights.ts';

export interface OracleOptions {
  /** The product that takes the time; the default runs on the calling thread. */
  readonly linear?: Linear;
  /** Hand `linear` arrays on shared memory, for threads. */
  readonly shared?: boolean;
  /** Multiplications by weights done, and of how many, in the current run. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface RunOptions {
  /** Compute outputs of the last so many positions; 0 for all. A classifier has one position. */
  readonly keep?: number;
  /** One per token, 0 where it is padding that nobody sees; without it every token is seen. */
  readonly mask?: readonly number[];
}

export interface Oracle {
  /** Length of an output row: the vocabulary, the labels, or the hidden size. */
  readonly width: number;
  /**
   * Outputs of one row of token ids, row-major: logits [kept, vocabulary], last hidden state
   * [kept, hidden], or the logits [labels] at the last id that is not padding.
   */
  run(ids: readonly number[], options?: RunOptions): Promise<Float64Array>;
}

/** Checks names and shapes of all weights; they are read while running. */
export function createOracle(
  config: ModernBertDecoderConfig,
  tensors: ReadonlyMap<string, TensorRef>,
  task: Task,
  options: OracleOptions = {},
): Oracle {
  const projection = vocabularyProjection(tensors, config);
  const arrays = options.shared === true ? sharedArrays : plainArrays;
  const shapes = neededShapes(config, task, projection);
  const weights = openWeights(tensors, shapes, arrays.float32);
  return {
    width: widthOf(config, task),
    async run(ids, { keep = 0, mask } = {}) {
      checkInput(ids, mask, config.vocabSize);
      const kept = keep === 0 ? ids.length : Math.min(keep, ids.length);
      const total = workOf(config, task, ids.length, kept);
      const pass = new OraclePass(config, {
        weights,
        linear: options.linear ?? linear,
        array: arrays.float64,
        onProgress: (done) => options.onProgress?.(done, total),
      });
      const hidden = await pass.body(ids, mask);
      if (task === 'text-classification') {
        const at = lastToken(ids, config.padTokenId) * config.hiddenSize;
        return pass.classify(hidden.subarray(at, at + config.hiddenSize));
      }
      const last = hidden.subarray((ids.length - kept) * config.hiddenSize);
      return task === 'feature-extraction' ? last.slice() : pass.vocabulary(last, projection);
    },
  };
}

const plainArrays = {
  float32: (length: number): Float32Array => new Float32Array(length),
  float64: (length: number): Float64Array => new Float64Array(length),
};

const sharedArrays: typeof plainArrays = {
  float32: (length) => new Float32Array(new SharedArrayBuffer(4 * length)),
  float64: (length) => new Float64Array(new SharedArrayBuffer(8 * length)),
};

function widthOf(config: ModernBertDecoderConfig, task: Task): number {
  if (task === 'text-generation') return config.vocabSize;
  return task === 'text-classification' ? config.labels.length : config.hiddenSize;
}

/** A classifier reads the last id that is not padding, whatever the mask says; else the first. */
function lastToken(ids: readonly number[], pad: number): number {
  return Math.max(
    ids.findLastIndex((id) => id !== pad),
    0,
  );
}

function workOf(
  { hiddenSize: h, intermediateSize: i, layers, vocabSize, labels }: ModernBertDecoderConfig,
  task: Task,
  tokens: number,
  kept: number,
): number {
  const body = tokens * layers.length * (4 * h * h + 3 * h * i);
  if (task === 'feature-extraction') return body;
  if (task === 'text-classification') return body + h * h + h * labels.length;
  return body + kept * (h * h + h * vocabSize);
}

function checkInput(
  ids: readonly number[],
  mask: readonly number[] | undefined,
  vocabSize: number,
): void {
  const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong >= 0) {
    throw new ToolkitError('GOLDEN_INVALID', 'a token id is one of the vocabulary', {
      where: { id: ids[wrong] ?? Number.NaN, position: wrong, vocabulary: vocabSize },
    });
  }
  if (ids.length === 0) throw new ToolkitError('GOLDEN_INVALID', 'a prompt has one token at least');
  if (mask !== undefined && mask.length !== ids.length) {
    throw new ToolkitError('GOLDEN_INVALID', 'a mask has one number for every token', {
      where: { tokens: ids.length, mask: mask.length },
    });
  }
}
