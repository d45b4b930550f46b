// Models as files. Weights are the outer loop and models the inner one: however many dtypes are
// written, each weight is read once, in chunks, and nothing else of it is kept in memory.

import { ToolkitError } from '../base/errors.ts';
import type { Sink, WrittenFile } from '../base/files.ts';
import { formatShape, sizeOf } from '../base/tensors.ts';
import type { Initializer, Model } from '../ir/graph.ts';
import type { WeightSource } from '../ir/weights.ts';
import { encodeFrame, type Frame } from './encode.ts';
import { createFloatEncoder, type FloatEncoder } from './float-encoder.ts';
import { type Layout, type LayoutOptions, layOut } from './layout.ts';
import { ModelWriter } from './model-writer.ts';
import { encodeValues } from './tensor-bytes.ts';

export interface WriteJob {
  readonly model: Model;
  /** Path in the output folder: `onnx/model.onnx`. Data files go beside it. */
  readonly path: string;
}

export interface FilePlan {
  /** The files that a job writes, data files first. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly warnings: readonly string[];
}

/** The files that writing a model makes, with their exact sizes. */
export function planFiles(job: WriteJob, options: LayoutOptions = {}): FilePlan {
  const { layout, frame } = plan(job, options);
  const folder = folderOf(job.path);
  const dataFiles = layout.dataFiles.map(({ name, size }) => ({ path: folder + name, size }));
  return { files: [...dataFiles, { path: job.path, size: frame.size }], warnings: layout.warnings };
}

/**
 * Writes models whose initializers have the same names and shapes, in the same order, and differ
 * in dtype. Gives the files of the first job, then those of the second…
 */
export async function writeModels(
  jobs: readonly WriteJob[],
  weights: WeightSource,
  sink: Sink,
  options: LayoutOptions = {},
): Promise<readonly WrittenFile[]> {
  const plans = jobs.map((job) => plan(job, options));
  const shared = sharedInitializers(jobs);
  const outputs: Output[] = [];
  for (const each of plans) {
    outputs.push({
      initializers: each.job.model.graph.initializers,
      encode: createFloatEncoder(),
      writer: await ModelWriter.open(each.job.path, sink, each),
    });
  }
  for (const [index, initializer] of shared.entries()) {
    await writeInitializer(initializer, index, outputs, weights);
  }
  const files: WrittenFile[] = [];
  for (const { writer } of outputs) files.push(...(await writer.close()));
  return files;
}

interface Plan {
  readonly job: WriteJob;
  readonly layout: Layout;
  readonly frame: Frame;
}

interface Output {
  readonly initializers: readonly Initializer[];
  readonly encode: FloatEncoder;
  readonly writer: ModelWriter;
}

function plan(job: WriteJob, options: LayoutOptions): Plan {
  const modelName = job.path.slice(folderOf(job.path).length);
  const layout = layOut(job.model.graph.initializers, modelName, options);
  return { job, layout, frame: encodeFrame(job.model, layout.places) };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

async function writeInitializer(
  initializer: Initializer,
  index: number,
  outputs: readonly Output[],
  weights: WeightSource,
): Promise<void> {
  const streamed: { readonly output: Output; readonly own: Initializer }[] = [];
  for (const output of outputs) {
    const own = output.initializers[index] ?? initializer;
    await output.writer.begin(own);
    if (own.recipe.kind === 'values') {
      await output.writer.write(encodeOwn(own, own.recipe.values, output.encode));
    } else {
      streamed.push({ output, own });
    }
  }
  if (streamed.length > 0 && sizeOf(initializer.type.shape) > 0) {
    for await (const values of weights.floats(initializer)) {
      await settle(
        streamed.map(async ({ output, own }) => output.writer.write(output.encode(own, values))),
      );
    }
  }
  for (const { writer } of outputs) writer.end(initializer);
}

function encodeOwn(
  initializer: Initializer,
  values: readonly number[],
  encode: FloatEncoder,
): Uint8Array {
  const { dtype } = initializer.type;
  // Halves go the way of weights, which checks that they fit.
  if (dtype === 'float16') return encode(initializer, Float32Array.from(values));
  return encodeValues(dtype, values);
}

/** Waits for all, also when one fails: what they read from is used again afterwards. */
async function settle(writes: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

function sharedInitializers(jobs: readonly WriteJob[]): readonly Initializer[] {
  const [first, ...others] = jobs.map(({ model }) => model.graph.initializers);
  if (first !== undefined && others.some((other) => describe(other) !== describe(first))) {
    throw new ToolkitError('INTERNAL', 'models that are written together have different weights');
  }
  return first ?? [];
}

function describe(initializers: readonly Initializer[]): string {
  return initializers.map(({ name, type }) => `${name} ${formatShape(type.shape)}`).join('\n');
}
