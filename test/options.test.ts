// What the options of a conversion change in the files, and what they leave alone.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Target } from '../src/base/manifest.ts';
import type { Graph, Model } from '../src/ir/graph.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { copyOf, type StoredTensor, tensorsIn, valuesOf } from './checkpoint-copy.ts';
import { caseFolder } from './command.ts';
import { must } from './must.ts';
import { expectAccepted } from './refusal.ts';
import { treeOf } from './tree.ts';
import { weightsIn } from './written-weights.ts';

const targets: readonly Target[] = ['onnxruntime', 'portable'];

function modelIn(target: string, name = 'model.onnx'): Model {
  return decodeModel(readFileSync(join(target, 'onnx', name)));
}

const inputNames = ({ inputs }: Graph): readonly string[] => inputs.map(({ name }) => name);

/** The consumer's settings in the config.json that was written. */
function settingsIn(target: string): unknown {
  const config = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8')) as object;
  return Reflect.get(config, 'transformers.js_config');
}

describe.each(targets)('for %s', (target) => {
  test('--single-file keeps the same weights inside the model, and says so', async () => {
    const [apart, inside] = [copyOf(), copyOf()];
    const args = ['--target', target, '--dtype', 'fp32,fp16'];
    const external = await expectAccepted(apart, ...args);
    const embedded = await expectAccepted(inside, ...args, '--single-file');
    expect(Object.keys(treeOf(join(embedded.target, 'onnx')))).toEqual([
      'model.onnx',
      'model_fp16.onnx',
    ]);
    expect(settingsIn(external.target)).toMatchObject({
      use_external_data_format: { 'model.onnx': 1, 'model_fp16.onnx': 1 },
    });
    expect(settingsIn(embedded.target)).not.toHaveProperty('use_external_data_format');
    for (const model of ['model.onnx', 'model_fp16.onnx']) {
      expect(await weightsIn(embedded.target, model)).toEqual(
        await weightsIn(external.target, model),
      );
    }
  });

  test('--no-num-logits-to-keep leaves out that input, and all logits come', async () => {
    const [folder, plain] = [copyOf(), copyOf()];
    const { target: out } = await expectAccepted(
      folder,
      '--no-num-logits-to-keep',
      '--target',
      target,
    );
    const { graph } = modelIn(out);
    const { graph: usual } = modelIn((await expectAccepted(plain, '--target', target)).target);
    const left = inputNames(usual).filter((name) => !inputNames(graph).includes(name));
    expect(left).toEqual(['num_logits_to_keep']);
    expect(graph.outputs[0]?.type.shape).toEqual(['batch_size', 'sequence_length', 512]);

    const runner = await openOnnxRuntime(join(out, 'onnx/model.onnx'));
    const cache = { dtype: 'float32', shape: [1, 4, 0, 16], data: new Float32Array(0) } as const;
    const caches = [...runner.inputs.keys()].filter((name) => name.startsWith('past_'));
    const ids = { dtype: 'int64', shape: [1, 3], data: BigInt64Array.of(5n, 6n, 7n) } as const;
    const results = await runner.run({
      input_ids: ids,
      attention_mask: { ...ids, data: BigInt64Array.of(1n, 1n, 1n) },
      ...Object.fromEntries(caches.map((name) => [name, cache])),
    });
    expect(must(results.get('logits'), 'logits').shape).toEqual([1, 3, 512]);
    await runner.close();
  });

  test('a model needs the opset of its target', async () => {
    const { target: out, manifest } = await expectAccepted(copyOf(), '--target', target);
    expect(manifest.target).toBe(target);
    expect(modelIn(out).opsets).toMatchObject({ '': target === 'portable' ? 21 : 24 });
  });
});

test('fp16 holds the nearest half of every weight', async () => {
  const { target } = await expectAccepted(copyOf(), '--dtype', 'fp32,fp16');
  const [wide, half] = [await weightsIn(target), await weightsIn(target, 'model_fp16.onnx')];
  expect([...half.keys()]).toEqual([...wide.keys()]);
  for (const [name, values] of wide) {
    const off = must(half.get(name), name).filter((value, i) => {
      const exact = values[i] ?? Number.NaN;
      return !(Math.abs(value - exact) <= Math.max(Math.abs(exact) * 2 ** -11, 2 ** -25));
    });
    expect(`${name} ${off.length}`).toBe(`${name} 0`);
  }
});

test('every weight of a checkpoint is in the model, where its name says', async () => {
  const { target } = await expectAccepted(copyOf(), '--target', 'portable');
  const weights = await weightsIn(target);
  const tensors = await tensorsIn(caseFolder('clm-default'));
  const [rows, width] = [96 * 2, 64];
  const { bytes } = must<StoredTensor>(tensors.get('model.layers.3.mlp.Wi.weight'), 'Wi');
  const stored = valuesOf({ dtype: 'F32', shape: [rows, width], bytes });
  const written = must(weights.get('layers.3.mlp.Wi.weight'), 'Wi'); // [in, out]
  const transposed = written.map((_, i) => stored[(i % rows) * width + Math.floor(i / rows)]);
  expect(written).toEqual(transposed);
  const total = [...tensors.values()].reduce((sum, { bytes: { length } }) => sum + length / 4, 0);
  const numbers = [...weights].filter(([name]) => !/rotary|cos|sin/.test(name));
  expect(numbers.reduce((sum, [, { length }]) => sum + length, 0)).toBe(total);
});
