import { expect, test } from 'vitest';
import { memoryFolder } from '../../test/memory-folder.ts';
import { sampleModel, sampleValue, sampleWeights } from '../../test/sample-model.ts';
import type { DType } from '../base/dtypes.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer, Model } from '../ir/graph.ts';
import { memorySink } from './memory-sink.ts';
import { storedWeights } from './stored-weights.ts';
import { verifyModelFiles } from './verify-files.ts';
import { writeModels } from './write-model.ts';

const half = (initializer: Initializer): Initializer =>
  initializer.recipe.kind === 'weight'
    ? { ...initializer, type: { ...initializer.type, dtype: 'float16' } }
    : initializer;

const fp16: Model = {
  ...sampleModel,
  graph: { ...sampleModel.graph, initializers: sampleModel.graph.initializers.map(half) },
};

test.each([
  { dtype: 'float32', model: sampleModel, singleFile: false },
  { dtype: 'float32', model: sampleModel, singleFile: true },
  { dtype: 'float16', model: fp16, singleFile: false },
  { dtype: 'float16', model: fp16, singleFile: true },
])(
  'reads the values that were written: $dtype, single file $singleFile',
  async ({ model, singleFile }) => {
    const sink = memorySink();
    await writeModels([{ model, path: 'model.onnx' }], sampleWeights(100), sink, { singleFile });
    const folder = memoryFolder(sink.files);
    const read = (await verifyModelFiles(folder, 'model.onnx')).model.graph.initializers;
    const weights = storedWeights(folder, 'model.onnx');
    for (const [index, initializer] of model.graph.initializers.entries()) {
      const { shape, data } = await weights.read(read[index] ?? initializer);
      const { type, recipe } = initializer;
      expect(shape).toEqual(type.shape);
      expect(data).toBeInstanceOf(type.dtype === 'int64' ? Float64Array : Float32Array);
      const round = (value: number): number =>
        type.dtype === 'float16' ? fromHalf(toHalf(value)) : value;
      const expected =
        recipe.kind === 'values'
          ? recipe.values
          : Array.from({ length: sizeOf(type.shape) }, (_, i) =>
              round(sampleValue(initializer, i)),
            );
      expect([...data]).toEqual(expected);
    }
    await weights.close();
  },
);

test('reads floats that do not lie on a multiple of their width', async () => {
  const files = new Map([['d', Uint8Array.of(9, 0, 0, 128, 63, 0, 60)]]);
  const weights = storedWeights(
    { ...memoryFolder(files), open: async () => offsetSource(files.get('d') ?? new Uint8Array()) },
    'm',
  );
  const stored = (dtype: DType, offset: number, length: number): Initializer => ({
    name: 'w',
    type: { dtype, shape: [1] },
    recipe: { kind: 'stored', location: 'd', offset, length },
  });
  expect([...(await weights.read(stored('float32', 1, 4))).data]).toEqual([1]);
  expect([...(await weights.read(stored('float16', 5, 2))).data]).toEqual([1]);
});

/** A source whose reads are views into its memory, wherever they begin. */
function offsetSource(bytes: Uint8Array) {
  return {
    name: 'd',
    size: bytes.length,
    read: async (start: number, end: number) => bytes.subarray(start, end),
    close: async () => undefined,
  };
}

test('refuses a weight that was never written', async () => {
  const [w] = sampleModel.graph.initializers;
  const weights = storedWeights(memoryFolder(new Map()), 'm');
  await expect(w === undefined ? undefined : weights.read(w)).rejects.toMatchObject({
    code: 'INTERNAL',
  });
});
