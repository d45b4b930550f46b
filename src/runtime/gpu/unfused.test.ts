// Graphs of the same operators in another order or arrangement, which the exporter never writes.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDevice, worstOf } from '../../../test/gpu.ts';
import { must } from '../../../test/must.ts';
import { noiseFolder, noiseName, tinyConfig } from '../../../test/noise-model.ts';
import { taskModel } from '../../../test/task-model.ts';
import type { Model, Node } from '../../ir/graph.ts';
import { verifyModelFiles } from '../../onnx/verify-files.ts';
import type { Device } from './device.ts';
import { gpuDecoder } from './decoder.ts';
import { openEngine } from './load.ts';
import { openReferenceFile } from '../reference/open.ts';
import { runnerDecoder } from '../text/runner-decoder.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  device.destroy();
});

const config = { ...tinyConfig, attentionBias: true, mlpBias: true, normBias: true };

/** Sums the other way round, so that what is added is no product. */
function swapped(node: Node): readonly Node[] {
  if (node.op !== 'SkipLayerNorm') return [node];
  const [x = '', skip = '', ...norm] = node.inputs;
  return [{ ...node, inputs: [skip, x, ...norm] }];
}

/** Gates a product twice, so that it must stay as it is. */
function gatedTwice(node: Node): readonly Node[] {
  if (node.op !== 'GeGLU') return [node];
  return [node, { ...node, outputs: node.outputs.map((name) => `${name}.again`) }];
}

/** Casts that change nothing, and names that are other names. */
function renamed(node: Node): readonly Node[] {
  if (node.op !== 'SkipLayerNorm') return [node];
  const [x = '', skip = '', ...norm] = node.inputs;
  const cast: Node = {
    domain: '',
    op: 'Cast',
    inputs: [skip],
    outputs: [`${skip}.cast`],
    attributes: { to: { kind: 'int', value: 1 } },
  };
  return [cast, { ...node, inputs: [x, `${skip}.cast`, ...norm] }];
}

async function logitsOf(
  model: Model,
): Promise<{ readonly kinds: Set<string>; readonly logits: Float32Array }> {
  const folder = noiseFolder(taskModel(config));
  const engine = await openEngine(device, model, { models: folder, modelName: noiseName });
  const decoder = gpuDecoder(engine);
  const decoding = await decoder.start(1);
  const ask = { count: 1, repetitionPenalty: 1 };
  await decoding.append([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]], ask);
  const [last] = await decoding.append([[5]], ask);
  const logits = await must(last, 'row').all();
  await decoding.close();
  await decoder.close();
  return { kinds: new Set(engine.plan.steps.map(({ kind }) => kind)), logits };
}

it.each([
  ['sums of what is no product', swapped, 'skip-norm'],
  ['a gate beside another reader', gatedTwice, 'gate'],
  ['a sum of a renamed product', renamed, 'product'],
] as const)('%s give the same logits', async (_, change, kind) => {
  const folder = noiseFolder(taskModel(config));
  const { model } = await verifyModelFiles(folder, noiseName);
  const { graph } = model;
  const nodes = graph.nodes.flatMap(change);
  const { kinds, logits } = await logitsOf({ ...model, graph: { ...graph, nodes } });
  expect(kinds).toContain(kind);
  const reference = runnerDecoder(await openReferenceFile(folder, noiseName), config);
  const decoding = await reference.start(1);
  const ask = { count: 1, repetitionPenalty: 1 };
  const [last] = await decoding.append([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]], ask);
  expect(worstOf(logits, await must(last, 'row').all())).toBeLessThan(2e-4);
});
