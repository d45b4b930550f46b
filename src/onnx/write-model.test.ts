import { describe, expect, test } from 'vitest';
import { sampleModel, sampleValue, sampleWeights } from '../../test/sample-model.ts';
import { toHalf } from '../base/half.ts';
import type { DType } from '../base/dtypes.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer, Model } from '../ir/graph.ts';
import type { WeightSource } from '../ir/weights.ts';
import { decodeModel } from './decode.ts';
import { type MemorySink, memorySink } from './memory-sink.ts';
import { planFiles, writeModels } from './write-model.ts';

/** The sample with other dtypes and shapes of its weights; it would not run, but it is written. */
const withWeights = (change: (initializer: Initializer) => Initializer): Model => ({
  ...sampleModel,
  graph: {
    ...sampleModel.graph,
    initializers: sampleModel.graph.initializers.map((each) =>
      each.recipe.kind === 'weight' ? change(each) : each,
    ),
  },
});

const withDType = (dtype: DType): Model =>
  withWeights((each) => ({ ...each, type: { ...each.type, dtype } }));

const fp32 = { model: sampleModel, path: 'onnx/model.onnx' };
const fp16 = { model: withDType('float16'), path: 'onnx/model_fp16.onnx' };

const bytesAt = (sink: MemorySink, path: string): DataView => {
  const bytes = sink.files.get(path) ?? new Uint8Array();
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

const [w, gain] = sampleModel.graph.initializers;

describe('writeModels', () => {
  test('writes every dtype from one pass over the weights', async () => {
    const asked: string[] = [];
    const weights: WeightSource = {
      async read(forms, take) {
        asked.push(forms.map(({ name }) => name).join());
        await sampleWeights(100).read(forms, take);
      },
    };
    const sink = memorySink();
    const files = await writeModels([fp32, fp16], weights, sink);
    expect(asked).toEqual(['w', 'gain']);
    expect(files.map(({ path, size }) => `${path} ${size}`)).toEqual([
      'onnx/model.onnx_data 2048',
      `onnx/model.onnx ${sink.files.get('onnx/model.onnx')?.length}`,
      'onnx/model_fp16.onnx_data 1024',
      `onnx/model_fp16.onnx ${sink.files.get('onnx/model_fp16.onnx')?.length}`,
    ]);
    const full = bytesAt(sink, 'onnx/model.onnx_data');
    const half = bytesAt(sink, 'onnx/model_fp16.onnx_data');
    for (let i = 0; i < 512; i++) {
      const value = w === undefined ? Number.NaN : sampleValue(w, i);
      expect(full.getFloat32(4 * i, true)).toBe(value);
      expect(half.getUint16(2 * i, true)).toBe(toHalf(value));
    }
  });

  test('gives the hashes of the bytes it wrote', async () => {
    const sink = memorySink();
    for (const { path, sha256 } of await writeModels([fp32], sampleWeights(7), sink)) {
      const digest = await crypto.subtle.digest(
        'SHA-256',
        (sink.files.get(path) ?? new Uint8Array()).slice(),
      );
      expect(sha256).toBe(
        Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(''),
      );
    }
  });

  test('keeps small weights inside the model', async () => {
    const sink = memorySink();
    await writeModels([fp32], sampleWeights(5), sink);
    const model = decodeModel(sink.files.get('onnx/model.onnx') ?? new Uint8Array());
    expect(model.graph.initializers.map(({ recipe }) => recipe)).toEqual([
      { kind: 'stored', location: 'model.onnx_data', offset: 0, length: 2048 },
      {
        kind: 'values',
        values: Array.from({ length: 32 }, (_, i) =>
          gain === undefined ? 0 : sampleValue(gain, i),
        ),
      },
      { kind: 'values', values: [0] },
      { kind: 'values', values: [2 ** 62] },
      { kind: 'values', values: [-1] },
    ]);
  });

  test('embeds every weight when asked for a single file', async () => {
    const sink = memorySink();
    await writeModels([fp32], sampleWeights(100), sink, { singleFile: true });
    expect([...sink.files.keys()]).toEqual(['onnx/model.onnx']);
    const bytes = bytesAt(sink, 'onnx/model.onnx');
    const file = sink.files.get('onnx/model.onnx') ?? new Uint8Array();
    const recipe = decodeModel(file).graph.initializers[0]?.recipe;
    expect(recipe).toMatchObject({ kind: 'stored', location: '', length: 2048 });
    const offset = recipe?.kind === 'stored' ? recipe.offset : 0;
    expect(bytes.getFloat32(offset + 4 * 511, true)).toBe(
      w === undefined ? 0 : sampleValue(w, 511),
    );
  });

  test('writes the same bytes whatever the chunks of the weights', async () => {
    const whole = memorySink();
    const pieces = memorySink();
    await writeModels([fp32, fp16], sampleWeights(10_000), whole);
    await writeModels([fp32, fp16], sampleWeights(3), pieces);
    expect(pieces.files).toEqual(whole.files);
  });

  test('pads with zeros before a large weight', async () => {
    const model = withWeights((each) => ({
      ...each,
      type: { dtype: 'float32', shape: each.name === 'w' ? [300] : [2 ** 18] },
    }));
    const sink = memorySink();
    await writeModels([{ model, path: 'model.onnx' }], sampleWeights(50_000), sink);
    const data = sink.files.get('model.onnx_data') ?? new Uint8Array();
    expect(data.length).toBe(4096 + 2 ** 20);
    expect(data.subarray(1200, 4096).every((byte) => byte === 0)).toBe(true);
  });

  test.each([{ value: 65_520 }, { value: -1e30 }])(
    'refuses $value, which half precision cannot hold',
    async ({ value }) => {
      const weights: WeightSource = {
        async read(forms, take) {
          for (const [form, { type }] of forms.entries()) {
            await take(form, new Float32Array(sizeOf(type.shape)).fill(value));
          }
        },
      };
      await expect(writeModels([fp32, fp16], weights, memorySink())).rejects.toMatchObject({
        code: 'WEIGHT_OVERFLOW',
        where: { tensor: 'model.w', value: Math.fround(value) },
      });
    },
  );

  test.each([{ length: 511 }, { length: 513 }])(
    'notices $length values for 512',
    async ({ length }) => {
      const weights: WeightSource = {
        async read(forms, take) {
          for (const form of forms.keys()) await take(form, new Float32Array(length));
        },
      };
      await expect(writeModels([fp32], weights, memorySink())).rejects.toMatchObject({
        code: 'INTERNAL',
        where: { tensor: 'w' },
      });
    },
  );

  test('refuses a value of the graph that half precision cannot hold', async () => {
    const initializer: Initializer = {
      name: 'mask',
      type: { dtype: 'float16', shape: [2] },
      recipe: { kind: 'values', values: [Number.NEGATIVE_INFINITY, -70_000] },
    };
    const model = { ...sampleModel, graph: { ...sampleModel.graph, initializers: [initializer] } };
    const job = { model, path: 'model.onnx' };
    await expect(writeModels([job], sampleWeights(8), memorySink())).rejects.toMatchObject({
      code: 'WEIGHT_OVERFLOW',
      where: { tensor: 'mask', value: -70_000 },
    });
  });

  test('refuses models whose weights differ', async () => {
    const recipe = { kind: 'weight', tensors: ['other'], transpose: false } as const;
    const other = withWeights((each) => ({ ...each, recipe }));
    const jobs = [fp32, { model: other, path: 'onnx/other.onnx' }];
    await expect(writeModels(jobs, sampleWeights(8), memorySink())).rejects.toThrow(
      'different weights',
    );
  });

  test('waits for every write before it fails', async () => {
    const events: string[] = [];
    const sink = memorySink();
    const slow = {
      create: async (path: string) => {
        const file = await sink.create(path);
        const write = async (bytes: Uint8Array): Promise<void> => {
          if (path.includes('fp16')) throw new Error('disk is full');
          await new Promise((resolve) => setTimeout(resolve, 20));
          await file.write(bytes);
          events.push(`wrote ${path}`);
        };
        return { write, close: () => file.close() };
      },
    };
    const large = (dtype: DType): Model =>
      withWeights((each) => ({ ...each, type: { dtype, shape: [2 ** 16] } }));
    const jobs = [
      { model: large('float32'), path: 'model.onnx' },
      { model: large('float16'), path: 'model_fp16.onnx' },
    ];
    await expect(writeModels(jobs, sampleWeights(2 ** 16), slow)).rejects.toThrow('disk is full');
    expect(events).toEqual(['wrote model.onnx_data']);
  });
});

describe('planFiles', () => {
  test.each([{ singleFile: false }, { singleFile: true }])(
    'knows the sizes of the files: %o',
    async (options) => {
      const sink = memorySink();
      const written = await writeModels([fp16], sampleWeights(64), sink, options);
      expect(planFiles(fp16, options).files).toEqual(
        written.map(({ path, size }) => ({ path, size })),
      );
    },
  );
});
