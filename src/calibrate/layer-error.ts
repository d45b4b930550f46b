// How far the sums that run through the layers move when a model file keeps its weights in another
// format: what rounding costs, layer by layer. Activations are float32, whatever the format computes
// in, so that the weights alone are seen.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import type { Graph } from '../ir/graph.ts';
import { Arena } from './arena.ts';
import type { WeightFile } from './block-weight.ts';
import type { Engine } from './engine.ts';
import { stepsOf } from './steps.ts';
import { storedModel } from './stored-model.ts';
import { embedding, Stream } from './stream.ts';
import { rowsOfTable } from './table.ts';

/** The error behind one part of the model. */
export interface PartError {
  /** `embeddings`, `layer 0` */
  readonly part: string;
  /** Root of the squared differences' sum over all tokens, over that of the squared sums. */
  readonly error: number;
}

/** What the files have in common. */
export interface LayerRun {
  readonly config: ModernBertDecoderConfig;
  /** The graph of float32. */
  readonly base: Graph;
  readonly engine: Engine;
  /** Ids that are run as one sequence. */
  readonly tokens: Int32Array;
}

/** The sums behind each part, in the order of the model. */
export type LayerSums = ReadonlyMap<string, Float32Array>; // [tokens, hidden]

/** Runs the weights of a file. */
export async function layerSums(file: WeightFile, run: LayerRun): Promise<LayerSums> {
  const sums = new Map<string, Float32Array>();
  await eachSum(file, run, (part, rows) => sums.set(part, rows.slice()));
  return sums;
}

/** The errors of a file, in the order of the model. */
export async function layerErrors(
  file: WeightFile,
  run: LayerRun,
  expected: LayerSums,
): Promise<readonly PartError[]> {
  const errors: PartError[] = [];
  await eachSum(file, run, (part, rows) => {
    errors.push({ part, error: relativeError(rows, expected.get(part) ?? rows) });
  });
  return errors;
}

async function eachSum(
  file: WeightFile,
  { config, base, engine, tokens }: LayerRun,
  onSum: (part: string, rows: Float32Array) => void,
): Promise<void> {
  const arena = new Arena(engine);
  const weights = storedModel(file, base, (length) => arena.floats(length));
  const { table, places } = await rowsOfTable([tokens], config, weights, arena);
  const seen = (value: string, rows: Float32Array): void => {
    const part = partBefore(value, config.layers.length);
    if (part !== undefined) onSum(part, rows);
  };
  const stream = new Stream(config, weights, engine, places, { seen });
  arena.begin();
  await stream.embed(table);
  for (const { inputs } of stepsOf(config, 'feature-extraction', embedding)) {
    arena.begin();
    await inputs(stream, weights.read);
  }
  arena.begin();
  await stream.beforeHead(weights.read);
}

/** The part that a value of the graph ends, where it does. */
function partBefore(value: string, layers: number): string | undefined {
  if (value === 'embeddings') return value;
  if (value === 'final.residual') return `layer ${layers - 1}`;
  const [, next] = /^layers\.(\d+)\.attn\.residual$/.exec(value) ?? [];
  return next === undefined ? undefined : `layer ${Number(next) - 1}`;
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
  let [difference, whole] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? 0;
    difference += ((actual[i] ?? 0) - value) ** 2;
    whole += value ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / whole);
}
