// Models as files. Weights are the outer loop and models the inner one: however many dtypes are
// written, each weight is read once, in chunks, and nothing else of it is kept in memory.

import type { Sink, WrittenFile } from '../base/files.ts';
import { settle } from '../base/settle.ts';
import type { Model } from '../ir/graph.ts';
import type { WeightSource } from '../ir/weights.ts';
import { encodeFrame, type Frame } from './encode.ts';
import { type Layout, type LayoutOptions, layOut } from './layout.ts';
import { ModelWriter } from './model-writer.ts';
import { sharedWeights } from './shared-weights.ts';
import { WeightStream } from './weight-stream.ts';

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
 * Writes models that are made of the same tensors in the same order, whatever they make of them.
 * Gives the files of the first job, then those of the second…
 */
export async function writeModels(
  jobs: readonly WriteJob[],
  weights: WeightSource,
  sink: Sink,
  options: LayoutOptions = {},
): Promise<readonly WrittenFile[]> {
  const plans = jobs.map((job) => plan(job, options));
  const shared = sharedWeights(jobs.map(({ model }) => model.graph.initializers));
  const streams: WeightStream[] = [];
  for (const each of plans) {
    const writer = await ModelWriter.open(each.job.path, sink, each);
    streams.push(new WeightStream(each.job.model.graph.initializers, writer));
  }
  for (const forms of shared) {
    await weights.read(
      forms.map(({ initializer }) => initializer),
      async (form, chunk) => {
        const users = forms[form]?.users ?? [];
        await settle(
          users.map(async ({ model, initializer }) => streams[model]?.write(initializer, chunk)),
        );
      },
    );
  }
  const files: WrittenFile[] = [];
  for (const stream of streams) files.push(...(await stream.close()));
  return files;
}

interface Plan {
  readonly job: WriteJob;
  readonly layout: Layout;
  readonly frame: Frame;
}

function plan(job: WriteJob, options: LayoutOptions): Plan {
  const modelName = job.path.slice(folderOf(job.path).length);
  const layout = layOut(job.model.graph.initializers, modelName, options);
  return { job, layout, frame: encodeFrame(job.model, layout.places) };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
