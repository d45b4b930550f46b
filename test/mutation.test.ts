// A proof is worth what it refuses. Each test converts a case with one fault, and verification must
// see it in the numbers: against what transformers computed, and against what the oracle computes
// from the same checkpoint without a fault.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LayerConfig, LayerType } from '../src/base/config.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { readSafetensors, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { bytesSource } from '../src/checkpoint/memory-source.ts';
import { float, int } from '../src/ir/attributes.ts';
import { typed } from '../src/ir/finish.ts';
import type { Graph, Node } from '../src/ir/graph.ts';
import { fusedRules } from '../src/model/build.ts';
import { openSource } from '../src/model/source.ts';
import { type Golden, writeGolden } from '../src/validate/golden.ts';
import { oracleGolden } from '../src/validate/oracle-golden.ts';
import { goldenName } from '../src/verify.ts';
import { noGpu } from './command.ts';
import { type Mutation, mutatedOutput, scaled } from './mutated-output.ts';
import { must } from './must.ts';
import { goldenFolder, goldenOf, type OutputFolder, verifyFolder } from './output-folder.ts';
import { temporaryFolder } from './tree.ts';

/** Layers of a type built as other layers. */
function layers(type: LayerType, change: (layer: LayerConfig) => Partial<LayerConfig>): Mutation {
  return {
    config: (config) => ({
      ...config,
      layers: config.layers.map((layer) =>
        layer.type === type ? { ...layer, ...change(layer) } : layer,
      ),
    }),
  };
}

/** Layer 0 has no norm; this gives it the one of layer 1. */
function withFirstNorm(graph: Graph): Graph {
  const from = 'embeddings';
  const normed = 'layers.0.attn.normed';
  const norm: Node = {
    domain: '',
    op: 'LayerNormalization',
    inputs: [from, 'layers.1.attn_norm.weight'],
    outputs: [normed],
    attributes: { axis: int(-1), epsilon: float(1e-5) },
  };
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    if (!node.inputs.includes('layers.0.attn.Wqkv.weight')) return [node];
    return [norm, { ...node, inputs: node.inputs.map((name) => (name === from ? normed : name)) }];
  });
  expect(nodes.length).toBe(graph.nodes.length + 1);
  const known = new Map(graph.values.map(({ name, type }) => [name, type]));
  return typed({ ...graph, nodes }, fusedRules, known);
}

/** Chunks behind a cache end at their last real token, as prompts do, wherever their padding is. */
function withoutChunkPadding(graph: Graph): Graph {
  const nodes = graph.nodes.map((node): Node => {
    if (!node.outputs.includes('last_slot')) return node;
    const [prompt = '', ofPrompt = ''] = node.inputs;
    return { ...node, inputs: [prompt, ofPrompt, ofPrompt] };
  });
  expect(nodes).not.toEqual(graph.nodes);
  return { ...graph, nodes };
}

const faults: readonly (readonly [fault: string, caseName: string, mutation: Mutation])[] = [
  [
    'a window that is one larger',
    'clm-default',
    layers('sliding_attention', ({ window }) => ({ window: window + 1 })),
  ],
  [
    'a window that is one smaller',
    'clm-default',
    layers('sliding_attention', ({ window }) => ({ window: window - 1 })),
  ],
  [
    "sliding layers with the full layers' theta",
    'clm-default',
    layers('sliding_attention', () => ({ ropeTheta: 160_000 })),
  ],
  [
    "full layers with the sliding layers' theta",
    'clm-default',
    layers('full_attention', () => ({ ropeTheta: 10_000 })),
  ],
  [
    'gelu where the config says gelu_pytorch_tanh',
    'clm-biases-untied',
    { config: (config) => ({ ...config, hiddenActivation: 'gelu' }) },
  ],
  ['a norm on layer 0', 'clm-default', { graph: withFirstNorm }],
  ['padding forgotten in later chunks', 'clm-default', { graph: withoutChunkPadding }],
  [
    'a weight that is 1 % larger',
    'clm-default',
    { weights: (tensors) => scaled(tensors, 'model.layers.2.attn.q_proj.weight', 1.01) },
  ],
];

const oracles = new Map<string, Promise<Golden>>();

/** What the oracle computes from a case's own checkpoint, once. */
async function oracleOf(name: string): Promise<Golden> {
  const golden = oracles.get(name) ?? computeGolden(name);
  oracles.set(name, golden);
  return await golden;
}

async function computeGolden(name: string): Promise<Golden> {
  const source = await openSource(await openFolder(join(goldenFolder, name)), {});
  const { config, checkpoint, task } = source;
  return oracleGolden(config, checkpoint.tensors, task).finally(() => checkpoint.close());
}

async function passes(output: OutputFolder, golden: Golden): Promise<boolean> {
  return (await verifyFolder(output, golden)).passed;
}

test.each(['clm-default', 'clm-biases-untied', 'cls-three-labels', 'base-model'])(
  'a folder without a fault passes: %s',
  async (name) => {
    const output = await mutatedOutput(name, {});
    expect(await passes(output, await goldenOf(name))).toBe(true);
    expect(await passes(output, await oracleOf(name))).toBe(true);
  },
);

test.each([
  { name: 'base-model', against: 'recorded outputs', reference: goldenOf },
  { name: 'cls-three-labels', against: "the oracle's outputs", reference: oracleOf },
])('any weight of $name that is larger by 1 % fails against $against', async (each) => {
  const { name, reference } = each;
  const golden = await reference(name);
  const unseen: string[] = [];
  for (const weight of await weightsOf(name)) {
    const mutation: Mutation = { weights: (tensors) => scaled(tensors, weight, 1.01) };
    if (await passes(await mutatedOutput(name, mutation), golden)) unseen.push(weight);
  }
  // the norm behind the embedding takes out what the table is multiplied with
  expect(unseen).toEqual(['model.embeddings.tok_embeddings.weight']);
});

async function weightsOf(name: string): Promise<readonly string[]> {
  const { checkpoint } = await openSource(await openFolder(join(goldenFolder, name)), {});
  await checkpoint.close();
  return [...checkpoint.tensors.keys()];
}

/**
 * Runs the built command, on ONNX Runtime unless a GPU is asked for: it takes a fraction of the time
 * of a GPU in software.
 */
function run(...args: readonly string[]): {
  readonly status: number | null;
  readonly verdict: unknown;
} {
  const command = join(import.meta.dirname, '../dist/bin/modernbert-onnx.js');
  const { status, stdout } = spawnSync(process.execPath, [command, ...args, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(args.includes('webgpu') ? {} : noGpu) },
  });
  const document = JSON.parse(stdout) as { readonly status: unknown };
  return { status, verdict: document.status };
}

const passed = { status: 0, verdict: 'pass' };
const failed = { status: 1, verdict: 'fail' };

/** Arguments of `verify` for outputs that transformers recorded. */
const recorded = (path: string, name: string): readonly string[] => [
  ...verifies(path),
  '--golden',
  join(goldenFolder, name),
];

function verifies(path: string): readonly string[] {
  return ['verify', path];
}

/** Arguments of `verify` for outputs that the oracle computed, which lie in the folder. */
async function computed(path: string, name: string): Promise<readonly string[]> {
  writeFileSync(join(path, goldenName), writeGolden(await oracleOf(name)));
  return verifies(path);
}

describe('the command verify', () => {
  test('ends with 0 for a folder without a fault', async () => {
    const { path } = await mutatedOutput('clm-default', {});
    expect(run(...recorded(path, 'clm-default'))).toEqual(passed);
    expect(run(...(await computed(path, 'clm-default')))).toEqual(passed);
  });

  test.each(faults)(
    "ends with 1 against recorded outputs for %s, in %s, which the oracle's outputs refuse too",
    async (_, name, fault) => {
      const output = await mutatedOutput(name, fault);
      expect(run(...recorded(output.path, name))).toEqual(failed);
      expect(await passes(output, await oracleOf(name))).toBe(false);
    },
  );

  test("ends with 1 against the oracle's outputs", async () => {
    const weights: Mutation['weights'] = (tensors) =>
      scaled(tensors, 'model.layers.1.mlp.Wo.weight', 1.01);
    const { path } = await mutatedOutput('base-model', { weights });
    expect(run(...(await computed(path, 'base-model')))).toEqual(failed);
  });
});

test('the GPU runtime sees a fault too', async () => {
  const scale: Mutation = {
    weights: (tensors) => scaled(tensors, 'model.layers.1.mlp.Wo.weight', 1.01),
  };
  const { path } = await mutatedOutput('base-model', scale);
  const golden = join(goldenFolder, 'base-model');
  expect(run('verify', path, '--golden', golden, '--runtime', 'webgpu')).toEqual(failed);
});

describe('the command convert', () => {
  test('publishes nothing from a checkpoint that is not the one of the golden', async () => {
    const place = temporaryFolder();
    const [source, target] = [join(place, 'tampered'), join(place, 'out')];
    const golden = join(goldenFolder, 'clm-default');
    mkdirSync(source);
    cpSync(join(golden, 'config.json'), join(source, 'config.json'));
    const weights = join(golden, 'model.safetensors');
    writeFileSync(join(source, 'model.safetensors'), await tampered(readFileSync(weights)));
    expect(run('convert', source, '-o', target, '--golden', golden)).toEqual(failed);
    expect(existsSync(target)).toBe(false);
    expect(run('convert', source, '-o', target)).toEqual(passed);
    expect(run('verify', target, '--golden', golden)).toEqual(failed);
  });
});

/** A safetensors file with one tensor multiplied by 1.01. */
async function tampered(file: Uint8Array): Promise<Uint8Array> {
  const { tensors } = await readSafetensors(bytesSource('model.safetensors', file));
  const name = must(
    tensors.find((tensor) => tensor.name.endsWith('layers.1.mlp.Wi.weight')),
    'Wi',
  );
  const changed = scaled(new Map(tensors.map((tensor) => [tensor.name, tensor])), name.name, 1.01);
  const stored = [...changed.values()].map(async ({ name: of, dtype, shape, size, read }) => ({
    name: of,
    dtype,
    shape,
    bytes: await read(0, size),
  }));
  return writeSafetensors(await Promise.all(stored), new Map([['format', 'pt']]));
}
