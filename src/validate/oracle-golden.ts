// A golden for a checkpoint that nobody recorded one for: built-in prompts, and what the oracle
// computes for them.
//
// One prompt is longer than two windows, so that a window that is off by one shows; one is short, so
// that the two make a padded batch. Only the last positions are kept, which bounds the file.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { TensorRef } from '../base/tensors.ts';
import { tool } from '../base/version.ts';
import { createOracle, type OracleOptions } from './oracle.ts';
import type { Golden, GoldenPrompt, Reals } from './prompt.ts';

/** Outputs that a golden holds, in bytes, names and ids not counted. */
const outputBytes = 1_900_000;

/** Positions beyond these say nothing new. */
const maxKept = 32;

/** Tokens of the long prompt beyond two windows. */
const beyondWindows = 22;

const shortLength = 7;

/** Runs the oracle over the built-in prompts. */
export async function oracleGolden(
  config: ModernBertDecoderConfig,
  tensors: ReadonlyMap<string, TensorRef>,
  task: Task,
  options: OracleOptions = {},
): Promise<Golden> {
  const oracle = createOracle(config, tensors, task, options);
  const prompts: GoldenPrompt[] = [];
  for (const { name, ids, keep } of builtInPrompts(config, task, oracle.width)) {
    const outputs = Float32Array.from(await oracle.run(ids, { keep }));
    prompts.push(promptOf(name, ids, outputs, { task, width: oracle.width }));
  }
  const metadata = new Map([['recorder', `${tool.name} ${tool.version} oracle, float64`]]);
  return { task, prompts, metadata };
}

export interface BuiltInPrompt {
  readonly name: string;
  readonly ids: readonly number[];
  /** Last positions whose outputs are kept. */
  readonly keep: number;
}

/** The prompts for a model whose outputs are `width` wide. */
function builtInPrompts(
  config: ModernBertDecoderConfig,
  task: Task,
  width: number,
): readonly BuiltInPrompt[] {
  const window = Math.max(...config.layers.map((layer) => layer.window), shortLength);
  const longLength = Math.min(2 * window + beyondWindows, config.maxPositions);
  const positions = Math.floor(outputBytes / 4 / width);
  const keepLong = clamp(Math.floor(positions * 0.75), 1, Math.min(maxKept, longLength));
  const keepShort = clamp(positions - keepLong, 1, Math.min(shortLength, longLength));
  const one = task === 'text-classification';
  return [
    { name: 'long', ids: tokens(longLength, config, 1), keep: one ? 1 : keepLong },
    {
      name: 'short',
      ids: tokens(Math.min(shortLength, longLength), config, 2),
      keep: one ? 1 : keepShort,
    },
  ];
}

/** Token ids from a fixed seed, none of them padding. */
function tokens(
  length: number,
  { vocabSize, padTokenId }: ModernBertDecoderConfig,
  seed: number,
): readonly number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const id = Math.floor((state / 2 ** 32) * vocabSize);
    return id === padTokenId ? (id + 1) % vocabSize : id;
  });
}

function promptOf(
  name: string,
  ids: readonly number[],
  outputs: Float32Array,
  { task, width }: { readonly task: Task; readonly width: number },
): GoldenPrompt {
  const row = [1, ids.length];
  const shape = task === 'text-classification' ? [1, width] : [1, outputs.length / width, width];
  const reals: Reals = { dtype: 'float32', shape, data: outputs };
  return {
    name,
    inputIds: { dtype: 'int64', shape: row, data: BigInt64Array.from(ids, BigInt) },
    attentionMask: { dtype: 'int64', shape: row, data: new BigInt64Array(ids.length).fill(1n) },
    ...(task === 'feature-extraction' ? { lastHiddenState: reals } : { logits: reals }),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
