// Output folders made with a fault in them. The files are sound and the manifest is true to them, so
// nothing but the numbers can tell.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ModernBertDecoderConfig } from '../src/base/config.ts';
import { type Manifest, manifestName, printManifest, type Target } from '../src/base/manifest.ts';
import type { TensorRef } from '../src/base/tensors.ts';
import { tool } from '../src/base/version.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { checkModel } from '../src/ir/check.ts';
import type { Graph } from '../src/ir/graph.ts';
import { bindWeights, isTied, type Tensors } from '../src/model/bind.ts';
import { buildGraph, fusedRules } from '../src/model/build.ts';
import { openSource } from '../src/model/source.ts';
import { checkpointWeights } from '../src/model/weight-source.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { writeModels } from '../src/onnx/write-model.ts';
import { forTarget } from '../src/passes/target.ts';
import { must } from './must.ts';
import { goldenFolder, type OutputFolder, storeFiles } from './output-folder.ts';

/** A fault, as a change of what the graph is built from, of the graph, or of the weights. */
export interface Mutation {
  readonly config?: (config: ModernBertDecoderConfig) => ModernBertDecoderConfig;
  readonly graph?: (graph: Graph) => Graph;
  readonly weights?: (tensors: Tensors) => Tensors;
}

/** Converts a golden case as the toolkit would if it had this fault; its config.json is right. */
export async function mutatedOutput(
  caseName: string,
  { config: change, graph: rewrite, weights }: Mutation,
  target: Target = 'onnxruntime',
): Promise<OutputFolder> {
  const source = await openSource(await openFolder(join(goldenFolder, caseName)), {});
  const { task, configText } = source;
  try {
    const tensors = weights?.(source.checkpoint.tensors) ?? source.checkpoint.tensors;
    const config = change?.(source.config) ?? source.config;
    const tied = task === 'text-generation' && isTied(config, tensors);
    const built = buildGraph(config, { task, tied, numLogitsToKeep: true });
    const graph = rewrite?.(built) ?? built;
    bindWeights(graph, tensors);
    const model = forTarget(graph, target, { producer: tool, metadata: {} });
    checkModel(model, fusedRules);
    const sink = memorySink();
    await writeModels([{ model, path: 'onnx/model.onnx' }], checkpointWeights(tensors), sink);
    const files = new Map([...sink.files, ['config.json', new TextEncoder().encode(configText)]]);
    const manifest: Manifest = {
      schemaVersion: 1,
      tool,
      task,
      target,
      dtypes: ['fp32'],
      inputs: [],
      outputs: [...files].map(([path, bytes]) => ({
        path,
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })),
      weights: { parameters: 0, unused: [], nonFinite: [] },
      warnings: [],
      verifications: [],
    };
    return { path: storeFiles(files.set(manifestName, printManifest(manifest))), manifest };
  } finally {
    await source.checkpoint.close();
  }
}

/** The tensors with one of them multiplied by a factor. */
export function scaled(tensors: Tensors, name: string, factor: number): Tensors {
  return new Map(tensors).set(name, scaledTensor(must(tensors.get(name), name), factor));
}

function scaledTensor(tensor: TensorRef, factor: number): TensorRef {
  return {
    ...tensor,
    async read(start, end, into = new Uint8Array(end - start)) {
      const bytes = await tensor.read(start, end);
      const floats = new Float32Array(new Uint8Array(bytes).buffer).map((value) => value * factor);
      into.set(new Uint8Array(floats.buffer));
      return into.subarray(0, end - start);
    },
  };
}
