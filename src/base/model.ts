// A runner seen as a model: token ids and a mask in, outputs and a cache out.

import type { ModernBertDecoderConfig, Task } from './config.ts';
import { ToolkitError } from './errors.ts';
import { halfTable } from './half.ts';
import type { Feeds, Runner } from './runner.ts';
import { formatShape, type Tensor } from './tensors.ts';

/** Keys and values by the input's name that takes them. */
export type Cache = ReadonlyMap<string, Tensor>;

export interface Step {
  readonly batch: number;
  readonly ids: BigInt64Array; // [batch, new]
  readonly mask: BigInt64Array; // [batch, past + new]
  /** Of the step before. */
  readonly cache?: Cache;
  /** Whether only the last position's outputs are asked for. */
  readonly lastOnly?: boolean;
}

export interface Outputs {
  /** Positions for each row; 1 of a classifier. */
  readonly kept: number;
  readonly cache: Cache;
  vector(row: number, kept: number): Float32Array;
}

export interface Model {
  readonly task: Task;
  /** Whether it can compute the last position's outputs alone. */
  readonly keepsLast: boolean;
  run(step: Step): Promise<Outputs>;
}

const keepInput = 'num_logits_to_keep';
const pastPattern = /^past_key_values\.(\d+)\.(key|value)$/;

/** Fails with ONNX_INVALID where the runner's inputs and outputs are not the task's. */
export function modelOf(runner: Runner, config: ModernBertDecoderConfig, task: Task): Model {
  const empty = emptyCache(runner, config, task);
  checkNames(runner, empty, task);
  const output = task === 'feature-extraction' ? 'last_hidden_state' : 'logits';
  const width = widthOf(config, task);
  const keepsLast = runner.inputs.has(keepInput);
  return {
    task,
    keepsLast,
    run: async ({ batch, ids, mask, cache, lastOnly = false }) => {
      const length = ids.length / batch;
      const feeds: Feeds = {
        input_ids: { dtype: 'int64', shape: [batch, length], data: ids },
        attention_mask: { dtype: 'int64', shape: [batch, mask.length / batch], data: mask },
        ...(keepsLast && { [keepInput]: keepTensor(lastOnly) }),
        ...Object.fromEntries(cache ?? empty(batch)),
      };
      const results = await runner.run(feeds);
      const kept = task === 'text-classification' || (keepsLast && lastOnly) ? 1 : length;
      const shape = task === 'text-classification' ? [batch, width] : [batch, kept, width];
      const values = realsOf(take(results, output), output, shape);
      return {
        kept,
        cache: nextCache(results, empty(batch)),
        vector: (row, at) => {
          const start = (row * kept + at) * width;
          return values.subarray(start, start + width);
        },
      };
    },
  };
}

/** Outputs of one position. */
export function widthOf(config: ModernBertDecoderConfig, task: Task): number {
  if (task === 'feature-extraction') return config.hiddenSize;
  return task === 'text-generation' ? config.vocabSize : config.labels.length;
}

function keepTensor(lastOnly: boolean): Tensor {
  return { dtype: 'int64', shape: [], data: BigInt64Array.of(lastOnly ? 1n : 0n) };
}

/** Makes the cache before the first token, in the runner's own dtype. */
function emptyCache(
  runner: Runner,
  { layers, numHeads, headDim }: ModernBertDecoderConfig,
  task: Task,
): (batch: number) => Cache {
  if (task !== 'text-generation') return () => new Map();
  const names = layers.flatMap((_, layer) =>
    ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`),
  );
  return (batch) =>
    new Map(
      names.map((name): [string, Tensor] => {
        const dtype = runner.inputs.get(name)?.dtype === 'float16' ? 'float16' : 'float32';
        const data = dtype === 'float16' ? new Uint16Array() : new Float32Array();
        return [name, { dtype, shape: [batch, numHeads, 0, headDim], data }];
      }),
    );
}

function checkNames(runner: Runner, empty: (batch: number) => Cache, task: Task): void {
  const wanted = new Set(['input_ids', 'attention_mask', ...empty(1).keys()]);
  for (const name of wanted) {
    if (!runner.inputs.has(name)) throw invalid('the model lacks an input', { input: name, task });
  }
  for (const name of runner.inputs.keys()) {
    const optional = name === keepInput && task === 'text-generation';
    if (!wanted.has(name) && !optional) {
      throw invalid('the model has an input of no meaning here', { input: name, task });
    }
  }
}

function nextCache(results: ReadonlyMap<string, Tensor>, names: Cache): Cache {
  return new Map(
    [...names.keys()].map((name) => [
      name,
      take(results, name.replace(pastPattern, 'present.$1.$2')),
    ]),
  );
}

function take(results: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = results.get(name);
  if (tensor === undefined) throw invalid('the model lacks an output', { output: name });
  return tensor;
}

function realsOf({ shape, data }: Tensor, name: string, expected: readonly number[]): Float32Array {
  if (formatShape(shape) !== formatShape(expected)) {
    throw invalid('an output has another shape than the task says', {
      output: name,
      shape: formatShape(shape),
      expected: formatShape(expected),
    });
  }
  if (data instanceof Float32Array) return data;
  if (!(data instanceof Uint16Array)) throw invalid('outputs are float32', { output: name });
  const halves = halfTable();
  return Float32Array.from(data, (bits) => halves[bits] ?? Number.NaN);
}

function invalid(rule: string, where: Readonly<Record<string, string>>): ToolkitError {
  return new ToolkitError('ONNX_INVALID', rule, { where });
}
