// The largest magnitude of every value of the model over a few tokens, by the graph's names: what
// half floats must hold. The weights of one step are in memory at a time, and of the token table a
// few rows.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { Arena } from './arena.ts';
import type { Engine } from './engine.ts';
import { addBias } from './rows.ts';
import { Stream } from './stream.ts';
import { projectionOf, stepsOf } from './steps.ts';
import { rowsOfTable, slabsOf } from './table.ts';
import { floats, type Tensors, weightsOf } from './weights.ts';

/** Largest finite magnitudes by the values' names. */
export type Ranges = ReadonlyMap<string, number>;

/** Attention's scaled scores of a layer are no value of the graph, but of its operator's body. */
export const scoresOf = (layer: number): string => `layers.${layer}.attn.scores`;

/** A model by the weights of its checkpoint. */
export interface CheckpointModel {
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly tensors: Tensors;
  readonly engine: Engine;
}

/** Runs the exact model over the sequences. */
export async function measureRanges(
  { config, task, tensors, engine }: CheckpointModel,
  sequences: readonly Int32Array[],
  onProgress: (done: number, total: number) => void,
): Promise<Ranges> {
  const largest = new Map<string, number>();
  const see = (value: string, rows: Float32Array): void => {
    largest.set(value, Math.max(largest.get(value) ?? 0, largestOf(rows)));
  };
  const arena = new Arena(engine);
  const weights = weightsOf(tensors, engine, (length) => arena.floats(length));
  const { table, places } = await rowsOfTable(sequences, config, weights, arena);
  const stream = new Stream(config, weights, engine, places, { seen: see });
  await stream.embed(table);
  let inputs: Float32Array = new Float32Array();
  const projection = projectionOf(task, weights);
  const steps = stepsOf(config, task, projection);
  for (const [index, step] of steps.entries()) {
    arena.begin();
    inputs = await step.inputs(stream, weights.read);
    onProgress(index + 1, steps.length);
  }
  if (task === 'feature-extraction') {
    // the last step made the inputs of a product
    arena.begin();
    await stream.beforeHead(weights.read);
    return largest;
  }
  const result = task === 'text-classification' ? 'logits' : 'flat_logits';
  const width = config.hiddenSize;
  const rows = lastRows(inputs, sequences, width);
  const x = floats(engine, rows.length);
  x.set(rows);
  arena.begin();
  const bias = (await weights.readIf(projection.replace(/weight$/, 'bias')))?.slice();
  for await (const { weight, from } of slabsOf(projection, width, weights, arena)) {
    const [count, outDim] = [rows.length / width, weight.length / width];
    const out = arena.floats(count * outDim);
    await engine.multiply({ x, rows: count, weight, inDim: width, outDim, out });
    if (bias) see(`${result}.product`, out);
    addBias(out, bias?.subarray(from, from + outDim));
    see(result, out);
  }
  return largest;
}

/** Of the last tokens: a product with the vocabulary costs as much as several layers. */
function lastRows(
  inputs: Float32Array,
  sequences: readonly Int32Array[],
  width: number,
): Float32Array {
  const rows = new Float32Array(sequences.length * width);
  let end = 0;
  for (const [index, { length }] of sequences.entries()) {
    end += length * width;
    rows.set(inputs.subarray(end - width, end), index * width);
  }
  return rows;
}

function largestOf(rows: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < rows.length; i++) {
    const magnitude = Math.abs(rows[i] ?? 0);
    if (magnitude > largest && magnitude < Number.POSITIVE_INFINITY) largest = magnitude;
  }
  return largest;
}
