// ONNX → IR gives the graph that was written, for every case, task, target and dtype.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Task } from '../src/base/config.ts';
import { byteWidth } from '../src/base/dtypes.ts';
import type { Target } from '../src/base/manifest.ts';
import { sizeOf } from '../src/base/tensors.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { readConfig } from '../src/config/read.ts';
import { checkModel } from '../src/ir/check.ts';
import type { Initializer, Model } from '../src/ir/graph.ts';
import { printModel } from '../src/ir/print.ts';
import { bindWeights, isTied, unusedTensors } from '../src/model/bind.ts';
import { buildGraph, fusedRules } from '../src/model/build.ts';
import { openSource, type Source } from '../src/model/source.ts';
import { checkpointWeights } from '../src/model/weight-source.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { writeModels } from '../src/onnx/write-model.ts';
import { half } from '../src/passes/half.ts';
import { forTarget } from '../src/passes/target.ts';
import { goldenCases } from './golden-case.ts';
import { must } from './must.ts';
import { goldenFolder } from './output-folder.ts';

const targets: readonly Target[] = ['onnxruntime', 'portable'];

/** Tensors of the heads, which another task leaves unused; a tied projection's copy among them. */
const heads = /^(?:lm_head|head|decoder|classifier)\./;

/** Runs a test on a case opened for each of its tasks. */
async function withTasks(name: string, work: (source: Source) => Promise<void>): Promise<void> {
  const tasks = new Set<Task | undefined>([undefined, 'feature-extraction']);
  for (const task of tasks) {
    const folder = await openFolder(join(goldenFolder, name));
    const source = await openSource(folder, task === undefined ? {} : { task });
    await work(source).finally(() => source.checkpoint.close());
  }
}

/** The two models of a case for a target, in float32 and float16. */
function modelsOf(
  { config, task, checkpoint }: Source,
  target: Target,
  numLogitsToKeep = true,
): readonly [Model, Model] {
  const tied = task === 'text-generation' && isTied(config, checkpoint.tensors);
  const graph = buildGraph(config, { task, tied, numLogitsToKeep });
  bindWeights(graph, checkpoint.tensors);
  const info = { producer: { name: 'test', version: '1.2' }, metadata: { task, target } };
  return [forTarget(graph, target, info), forTarget(half(fusedRules)(graph), target, info)];
}

/** A model with its weights as names: where their bytes come from is another matter. */
function withoutSources(model: Model): Model {
  const { graph } = model;
  const initializers = graph.initializers.map((initializer): Initializer => ({
    ...initializer,
    recipe: isConstant(initializer) ? initializer.recipe : { kind: 'values', values: [] },
  }));
  return { ...model, graph: { ...graph, initializers } };
}

/** Whether the values stand in the graph: integers do, and weights are floats. */
function isConstant({ type }: Initializer): boolean {
  return type.dtype === 'int64';
}

function expectStored({ graph }: Model, dtype: 'float32' | 'float16'): void {
  for (const { name, type, recipe } of graph.initializers) {
    if (type.dtype === 'int64') continue;
    expect(`${name} ${type.dtype}`).toBe(`${name} ${dtype}`);
    const length =
      recipe.kind === 'stored'
        ? recipe.length
        : must(recipe.kind === 'values' ? recipe.values : undefined, `data of ${name}`).length *
          byteWidth[dtype];
    expect(`${name} ${length}`).toBe(`${name} ${sizeOf(type.shape) * byteWidth[dtype]}`);
  }
}

describe.each(goldenCases)('%s', (name) => {
  test.each(targets)('reads back as it was written, for %s', async (target) => {
    await withTasks(name, async (source) => {
      const models = modelsOf(source, target);
      const [float, halves] = models;
      const sink = memorySink();
      const jobs = models.map((model, index) => ({ model, path: `${index}.onnx` }));
      await writeModels(jobs, checkpointWeights(source.checkpoint.tensors), sink);
      for (const { model, path } of jobs) {
        const read = decodeModel(must(sink.files.get(path), path));
        expect(withoutSources(read)).toEqual(withoutSources(model));
        expectStored(read, model === float ? 'float32' : 'float16');
        checkModel(model, fusedRules);
        checkModel(read, fusedRules);
      }
      expect(halves.graph.nodes.length).toBeGreaterThan(float.graph.nodes.length);
    });
  });

  test('keeps to the rules of a graph without num_logits_to_keep', async () => {
    await withTasks(name, async (source) => {
      const models = targets.flatMap((target) => modelsOf(source, target, false));
      for (const model of models) checkModel(model, fusedRules);
      const inputs = models.flatMap(({ graph }) => graph.inputs.map((input) => input.name));
      expect(inputs).not.toContain('num_logits_to_keep');
    });
  });

  test('uses every tensor of the checkpoint, or reports it', async () => {
    await withTasks(name, async (source) => {
      const { tensors } = source.checkpoint;
      const [{ graph }] = modelsOf(source, 'portable');
      const used = graph.initializers.flatMap(({ recipe }) =>
        recipe.kind === 'weight' ? recipe.tensors : [],
      );
      const unused = unusedTensors(graph, tensors);
      expect([...used, ...unused].toSorted()).toEqual([...tensors.keys()].toSorted());
      const foreign = source.task === 'feature-extraction' ? heads : /^$/;
      expect(unused.filter((tensor) => !foreign.test(tensor))).toEqual([]);
    });
  });
});

/** A generator small enough to be read as a whole; its heads are ones that contrib kernels take. */
const tiny = {
  architectures: ['ModernBertDecoderForCausalLM'],
  model_type: 'modernbert-decoder',
  transformers_version: '5.18.0',
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  layer_types: ['full_attention', 'sliding_attention'],
  sliding_window: 8,
  pad_token_id: 3,
  rope_parameters: {
    full_attention: { rope_theta: 160000, rope_type: 'default' },
    sliding_attention: { rope_theta: 10000, rope_type: 'default' },
  },
};

describe('the printed model', () => {
  test.each(targets)('of two layers reads well, for %s', async (target) => {
    const { config } = readConfig(JSON.stringify(tiny));
    const graph = buildGraph(config, {
      task: 'text-generation',
      tied: true,
      numLogitsToKeep: true,
    });
    const model = forTarget(graph, target, {
      producer: { name: 'test', version: '1.2' },
      metadata: { task: 'text-generation', target },
    });
    await expect(`${printModel(model)}\n`).toMatchFileSnapshot(`__snapshots__/tiny-${target}.txt`);
  });
});
