import { beforeAll, describe, expect, test } from 'vitest';
import { memoryFolder } from '../../test/memory-folder.ts';
import { sampleModel, sampleWeights } from '../../test/sample-model.ts';
import type { Initializer, Model } from '../ir/graph.ts';
import { encodeModel } from './encode.ts';
import { memorySink } from './memory-sink.ts';
import type { Placement } from './placement.ts';
import { verifyModelFiles } from './verify-files.ts';
import { writeModels } from './write-model.ts';

const written = new Map<string, Uint8Array>();

beforeAll(async () => {
  const sink = memorySink();
  await writeModels([{ model: sampleModel, path: 'model.onnx' }], sampleWeights(512), sink);
  for (const [path, bytes] of sink.files) written.set(path, bytes);
});

/** The sample's files, but for those given here. */
const withFiles = (changes: Readonly<Record<string, Uint8Array>>): Map<string, Uint8Array> =>
  new Map([...written, ...Object.entries(changes)]);

/** A model of nothing but weights of 16 bytes at these places of one file. */
const weightsAt = (offsets: readonly number[]): Uint8Array => {
  const initializers = offsets.map((_, index): Initializer => ({
    name: `w${index}`,
    type: { dtype: 'float32', shape: [4] },
    recipe: { kind: 'weight', tensors: [], transpose: false },
  }));
  const model: Model = {
    ...sampleModel,
    graph: { name: 'g', inputs: [], outputs: [], nodes: [], values: [], initializers },
  };
  const places = offsets.map((offset, index): [string, Placement] => [
    `w${index}`,
    { location: 'model.onnx_data', offset, length: 16 },
  ]);
  return encodeModel(model, new Map(places));
};

const verify = (files: ReadonlyMap<string, Uint8Array>) =>
  verifyModelFiles(memoryFolder(files), 'model.onnx');

describe('verifyModelFiles', () => {
  test('gives the model and the sizes of its files', async () => {
    const { model, files } = await verify(written);
    expect(model.graph.nodes).toEqual(sampleModel.graph.nodes);
    expect(files).toEqual([
      { name: 'model.onnx', size: written.get('model.onnx')?.length },
      { name: 'model.onnx_data', size: 2048 },
    ]);
  });

  test('accepts ranges in any order, with zeros between and behind them', async () => {
    const data = new Uint8Array(100);
    await expect(
      verify(withFiles({ 'model.onnx': weightsAt([64, 0, 16]), 'model.onnx_data': data })),
    ).resolves.toMatchObject({ files: [{ name: 'model.onnx' }, { size: 100 }] });
  });

  test.each([
    ['overlap by a byte', [0, 15]],
    ['share a range', [0, 0]],
    ['contain each other out of order', [40, 32]],
  ])('refuses tensors that %s', async (_, offsets) => {
    const files = withFiles({
      'model.onnx': weightsAt(offsets),
      'model.onnx_data': new Uint8Array(100),
    });
    await expect(verify(files)).rejects.toThrow('overlap');
  });

  test.each([16, 40, 99])('refuses a byte that belongs to no tensor, at %d', async (offset) => {
    const data = new Uint8Array(100);
    data[offset] = 1;
    const files = withFiles({ 'model.onnx': weightsAt([0, 48]), 'model.onnx_data': data });
    await expect(verify(files)).rejects.toMatchObject({
      code: 'ONNX_INVALID',
      where: { file: 'model.onnx_data', offset },
    });
  });

  test('refuses a data file that lacks its last byte', async () => {
    const data = written.get('model.onnx_data')?.subarray(0, 2047) ?? new Uint8Array();
    await expect(verify(withFiles({ 'model.onnx_data': data }))).rejects.toMatchObject({
      code: 'ONNX_INVALID',
      where: { tensor: 'w', end: 2048, size: 2047 },
    });
  });

  test('refuses a data file that nothing uses, but not that of another model', async () => {
    await expect(
      verify(withFiles({ 'model_fp16.onnx_data': new Uint8Array(1) })),
    ).resolves.toBeDefined();
    await expect(
      verify(withFiles({ 'model.onnx_data_1': new Uint8Array(1) })),
    ).rejects.toMatchObject({
      where: { file: 'model.onnx_data_1' },
    });
  });

  test.each(['model.onnx', 'model.onnx_data'])('says that %s is missing', async (name) => {
    const files = new Map(written);
    files.delete(name);
    await expect(verify(files)).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      where: { file: name },
    });
  });

  test('refuses weights that lie in the model file by its name', async () => {
    const [initializer] = sampleModel.graph.initializers;
    const initializers = initializer === undefined ? [] : [initializer];
    const model = { ...sampleModel, graph: { ...sampleModel.graph, initializers } };
    const place = { location: 'model.onnx', offset: 0, length: 2048 };
    const file = encodeModel(model, new Map([['w', place]]));
    const files = new Map([['model.onnx', file]]);
    await expect(verify(files)).rejects.toThrow('refers to itself as a data file');
  });

  test('closes every file it opened, also when it fails', async () => {
    let open = 0;
    const folder = memoryFolder(withFiles({ 'model.onnx_data': new Uint8Array(7) }));
    const counting = {
      ...folder,
      open: async (name: string) => {
        const file = await folder.open(name);
        open++;
        return file && { ...file, close: async () => void open-- };
      },
    };
    await expect(verifyModelFiles(counting, 'model.onnx')).rejects.toThrow(
      'reaches beyond the end',
    );
    expect(open).toBe(0);
  });
});
