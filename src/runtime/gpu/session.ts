// A model of an output folder on a GPU, for programs: forward, generate, classify, embed.
//
//     const model = await load(output, { device });
//     const [{ ids }] = await model.generate([prompt], { maxNewTokens: 80 });

import type { ModernBertDecoderConfig, Task } from '../../base/config.ts';
import type { Decoder, Encoder } from '../../base/decoding.ts';
import { ToolkitError } from '../../base/errors.ts';
import { type WeightFormat } from '../../base/manifest.ts';
import type { Runner } from '../../base/runner.ts';
import type { Model } from '../../ir/graph.ts';
import { classify, type LabelScore } from '../text/classify.ts';
import type { Device } from './device.ts';
import type { Engine } from './engine.ts';
import { generate, type Generated, type GenerateOptions } from '../text/generate.ts';
import { gpuDecoder } from './decoder.ts';
import { gpuRunner } from './runner.ts';
import { loadModel, type LoadProgress } from './load.ts';
import { modelName, type Output, readManifest, readOutputConfig } from '../output.ts';
import { readRows } from './result-rows.ts';
import { runnerEncoder } from '../text/runner-encoder.ts';

export interface LoadOptions {
  readonly device: Device;
  /** Which of the folder's models; the first that it has when left out. */
  readonly dtype?: WeightFormat;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Bytes on the GPU. */
export interface GpuMemory {
  readonly weights: number;
  /** Matrices and tables of the largest run so far; a generation's cache comes on top. */
  readonly work: number;
}

/** Token ids of rows of unequal lengths. */
export type Rows = readonly (readonly number[])[];

/** A loaded model; closing it frees its memory on the GPU, not the device. */
export interface Session {
  readonly task: Task;
  readonly dtype: WeightFormat;
  readonly config: ModernBertDecoderConfig;
  /** `webgpu (SwiftShader driver 5.0.0 (google))` */
  readonly name: string;
  readonly memory: GpuMemory;
  /** Every token's logits or hidden states: for each row [tokens, width]. A language model or feature extractor. */
  forward(rows: Rows): Promise<readonly Float32Array[]>;
  /** Continuations of prompts, by a language model. */
  generate(prompts: Rows, options?: GenerateOptions): Promise<readonly Generated[]>;
  /** Labels with their scores, best first, by a classifier. */
  classify(rows: Rows): Promise<readonly (readonly LabelScore[])[]>;
  /** Hidden states of a feature extractor: for each row [tokens, hiddenSize]. */
  embed(rows: Rows): Promise<readonly Float32Array[]>;
  /** The model as a decoder, for generation with settings of one's own. */
  readonly decoder: Decoder;
  close(): Promise<void>;
}

/** Loads a model of an output folder onto a device. */
export async function load(
  output: Output,
  { device, dtype, onProgress }: LoadOptions,
): Promise<Session> {
  const manifest = await readManifest(output);
  const chosen = dtype ?? manifest.dtypes[0] ?? 'fp32';
  const name = modelName(output, manifest, chosen);
  const { config, raw } = await readOutputConfig(output);
  const { engine, model } = await loadModel(device, output.models, name, onProgress);
  const problem = raw.get('problem_type');
  return sessionOf(engine, model, {
    task: manifest.task,
    dtype: chosen,
    config,
    problemType: typeof problem === 'string' ? problem : undefined,
  });
}

interface About {
  readonly task: Task;
  readonly dtype: WeightFormat;
  readonly config: ModernBertDecoderConfig;
  readonly problemType: string | undefined;
}

function sessionOf(engine: Engine, model: Model, about: About): Session {
  const { task, dtype, config, problemType } = about;
  const runner = gpuRunner(engine, model);
  const decoder = gpuDecoder(engine);
  const encoder = (wanted: Encodes): Encoder => {
    expectTask(task, [wanted]);
    return runnerEncoder(runner, config, wanted);
  };
  return {
    task,
    dtype,
    config,
    name: runner.name,
    decoder,
    get memory() {
      return engine.memory;
    },
    forward: async (rows) => {
      expectTask(task, ['text-generation', 'feature-extraction']);
      return await forward(engine, rows);
    },
    generate: async (prompts, options) => {
      expectTask(task, ['text-generation']);
      return await generate(decoder, prompts, options);
    },
    classify: async (rows) =>
      await classify(encoder('text-classification'), rows, { labels: config.labels, problemType }),
    embed: async (rows) => await encoder('feature-extraction').encode(rows),
    close: closer(runner),
  };
}

type Encodes = Exclude<Task, 'text-generation'>;

function closer(runner: Runner): () => Promise<void> {
  return () => runner.close();
}

async function forward(engine: Engine, rows: Rows): Promise<readonly Float32Array[]> {
  const { plan } = engine;
  const width = plan.rows.get(plan.output.value)?.width ?? 0;
  const outputs = rows.map(({ length }) => new Float32Array(length * width));
  const inputs = rows.map((ids, row) => ({ row, past: 0, ids, keep: [...ids.keys()] }));
  await engine.run(undefined, inputs, async (results) =>
    readRows(engine, results, (input, token, values) => outputs[input]?.set(values, token * width)),
  );
  return outputs;
}

function expectTask(task: Task, wanted: readonly Task[]): void {
  if (wanted.includes(task)) return;
  throw new ToolkitError('USAGE', `the model is for ${task}`, {
    where: { wanted: wanted.join(' or ') },
    fix: 'convert the checkpoint with another --task, or load another folder',
  });
}
