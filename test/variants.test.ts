// One model, saved in many ways: every way gives the same models.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromHalf } from '../src/base/half.ts';
import type { Target } from '../src/base/manifest.ts';
import {
  copyOf,
  editConfig,
  editWeights,
  inType,
  rename,
  setValue,
  storeTensors,
  type StoredTensor,
  type StoredTensors,
  tensorsIn,
} from './checkpoint-copy.ts';
import { must } from './must.ts';
import { expectAccepted } from './refusal.ts';
import { archiveBytes, statePickle } from './torch-archive.ts';
import { treeOf } from './tree.ts';
import { weightsIn } from './written-weights.ts';

const embedding = 'model.embeddings.tok_embeddings.weight';
const projection = 'decoder.weight';
const both = ['--dtype', 'fp32,fp16'];
const targets: readonly Target[] = ['onnxruntime', 'portable'];

interface Written {
  /** The model files and what is in them. */
  readonly models: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** Converts a checkpoint in both precisions. */
async function modelsOf(folder: string, ...args: readonly string[]): Promise<Written> {
  const { target, warnings } = await expectAccepted(folder, ...both, ...args);
  const models = treeOf(join(target, 'onnx'));
  rmSync(target, { recursive: true });
  return { models, warnings };
}

/** Converts a copy of a golden checkpoint after a change of its tensors. */
async function changed(
  change: (tensors: StoredTensors) => void,
  { from, args = [] }: { readonly from?: string; readonly args?: readonly string[] } = {},
): Promise<Written> {
  const folder = copyOf(from);
  await editWeights(folder, change);
  return await modelsOf(folder, ...args);
}

function expectSame(found: Written, expected: Written): void {
  expect(Object.keys(found.models)).toEqual(Object.keys(expected.models));
  for (const [path, text] of Object.entries(expected.models)) {
    expect(`${path} ${found.models[path] === text}`).toBe(`${path} true`);
  }
}

describe('a checkpoint in', () => {
  const narrow = { F16: 2 ** -11, BF16: 2 ** -7 } as const;

  /** A tensor of 16-bit floats in F32, which holds them exactly. */
  function widened({ dtype, shape, bytes }: StoredTensor): StoredTensor {
    const bits = new Uint16Array(bytes.slice().buffer);
    const values =
      dtype === 'F16'
        ? Float32Array.from(bits, (half) => fromHalf(half))
        : new Float32Array(Uint32Array.from(bits, (brain) => brain * 65_536).buffer);
    return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
  }

  const each = (tensors: StoredTensors, change: (tensor: StoredTensor) => StoredTensor): void => {
    for (const [name, tensor] of tensors) tensors.set(name, change(tensor));
  };

  test.each(['F16', 'BF16'] as const)('%s gives what it holds, in float32', async (dtype) => {
    const found = await changed((tensors) => each(tensors, (tensor) => inType(tensor, dtype)));
    const wide = await changed((tensors) =>
      each(tensors, (tensor) => widened(inType(tensor, dtype))),
    );
    expectSame(found, wide);
    expect(found.models).not.toEqual((await modelsOf(copyOf())).models);
  });

  test.each(['F16', 'BF16'] as const)('%s differs from F32 by its rounding', async (dtype) => {
    const [exact, rounded] = [copyOf(), copyOf()];
    await editWeights(rounded, (tensors) => each(tensors, (tensor) => inType(tensor, dtype)));
    const expected = await weightsIn((await expectAccepted(exact)).target);
    const found = await weightsIn((await expectAccepted(rounded)).target);
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, values] of expected) {
      const got = must(found.get(name), name);
      const worst = values.reduce(
        (most, value, i) =>
          Math.max(most, Math.abs((got[i] ?? Number.NaN) - value) / (Math.abs(value) + 2 ** -14)),
        0,
      );
      expect(`${name} ${worst <= narrow[dtype]}`).toBe(`${name} true`);
    }
  });

  test('F64, or in all types at once, gives the same models as in F32', async () => {
    const plain = await modelsOf(copyOf());
    expectSame(await changed((tensors) => each(tensors, (tensor) => inType(tensor, 'F64'))), plain);
    const some = (tensor: StoredTensor): boolean => tensor.bytes.length % 3 === 0;
    const mixed = await changed((tensors) =>
      each(tensors, (tensor) => inType(tensor, some(tensor) ? 'F16' : 'F64')),
    );
    const halves = await changed((tensors) =>
      each(tensors, (tensor) => (some(tensor) ? widened(inType(tensor, 'F16')) : tensor)),
    );
    expectSame(mixed, halves);
  });
});

describe.each(targets)('names of tensors, for %s,', (target) => {
  test.each<[string, (name: string) => string, RegExp]>([
    ['behind module.', (name) => `module.${name}`, /carried module\./],
    ['behind _orig_mod.', (name) => `_orig_mod.${name}`, /carried _orig_mod\./],
    ['behind both', (name) => `module._orig_mod.${name}`, /carried module\. and _orig_mod\./],
    ['without model.', (name) => name.replace(/^model\./, ''), /lacked the prefix model\./],
    ['behind model. twice', (name) => `model.${name}`, /carried model\./],
  ])('%s make no difference, and are said', async (_, nameOf, said) => {
    const args = ['--target', target];
    const found = await changed((tensors) => rename(tensors, nameOf), { args });
    expect(found.warnings).toEqual([expect.stringMatching(said)]);
    expectSame(found, await modelsOf(copyOf(), ...args));
  });
});

describe('a tied projection', () => {
  const twice = (tensors: StoredTensors): void =>
    void tensors.set(projection, must(tensors.get(embedding), embedding));

  test('that is saved a second time, or under its own name only, is stored once', async () => {
    const plain = await modelsOf(copyOf());
    const [copied, renamed] = [
      await changed(twice),
      await changed((tensors) =>
        rename(tensors, (name) => (name === embedding ? projection : name)),
      ),
    ];
    for (const found of [copied, renamed]) {
      expect(found.warnings).toEqual([]);
      expectSame(found, plain);
    }
  });

  test('that differs in one value is used beside the embedding, and said', async () => {
    const folder = copyOf();
    await editWeights(folder, (tensors) => {
      const { bytes, ...rest } = must(tensors.get(embedding), embedding);
      tensors.set(projection, { ...rest, bytes: bytes.slice() });
      setValue(tensors, projection, 512 * 64 - 1, 7);
    });
    const { target, warnings } = await expectAccepted(folder);
    expect(warnings).toEqual([expect.stringMatching(/^config\.json ties decoder\.weight/)]);
    const weights = await weightsIn(target);
    expect(weights.get('decoder.weight')?.at(-1)).toBe(7);
    expect(weights.get('embeddings.tok_embeddings.weight')?.at(-1)).not.toBe(7);
  });

  test('that config.json unties is kept, whatever it holds', async () => {
    const folder = copyOf();
    editConfig(folder, { tie_word_embeddings: false });
    await editWeights(folder, twice);
    const { target, warnings } = await expectAccepted(folder);
    expect(warnings).toEqual([]);
    const weights = await weightsIn(target);
    expect(weights.get('decoder.weight')).toEqual(weights.get('embeddings.tok_embeddings.weight'));
  });
});

test('shards of torch give the same models as safetensors', async () => {
  const folder = copyOf();
  const plain = await modelsOf(folder);
  const tensors = [...(await tensorsIn(folder))].map(([name, tensor]) => ({ name, ...tensor }));
  tensors.push({
    ...must(
      tensors.find(({ name }) => name === embedding),
      embedding,
    ),
    name: projection,
  });
  const map: Record<string, string> = {};
  for (const shard of [1, 2, 3]) {
    const held = tensors.filter((_, index) => index % 3 === shard - 1);
    const file = `pytorch_model-0000${shard}-of-00003.bin`;
    const storages = held.map(({ bytes }, key) => ({ name: `archive/data/${key}`, bytes }));
    writeFileSync(
      join(folder, file),
      archiveBytes([{ name: 'archive/data.pkl', bytes: statePickle(held) }, ...storages]),
    );
    for (const { name } of held) map[name] = file;
  }
  writeFileSync(join(folder, 'pytorch_model.bin.index.json'), JSON.stringify({ weight_map: map }));
  rmSync(join(folder, 'model.safetensors'));
  const found = await modelsOf(folder);
  expect(found.warnings).toEqual([]);
  expectSame(found, plain);
});

test('a language model without its head is the base model', async () => {
  const whole = await modelsOf(copyOf(), '--task', 'feature-extraction');
  expect(whole.warnings).toEqual([
    'feature-extraction does not use decoder.bias, lm_head.dense.weight, lm_head.norm.weight',
  ]);
  const base = copyOf();
  editConfig(base, { architectures: ['ModernBertDecoderModel'] });
  const tensors = await tensorsIn(base);
  for (const name of tensors.keys()) if (!name.startsWith('model.')) tensors.delete(name);
  rename(tensors, (name) => name.slice('model.'.length));
  storeTensors(join(base, 'model.safetensors'), tensors);
  const found = await modelsOf(base);
  expect(found.warnings).toEqual([]);
  expectSame(found, whole);
});
