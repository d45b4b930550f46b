import { describe, expect, test } from 'vitest';
import { sampleAttributes, sampleModel } from '../../test/sample-model.ts';
import { byteWidth } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer, Model } from '../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { encodeFrame, encodeModel } from './encode.ts';
import type { Placement } from './placement.ts';
import { encodeValues } from './tensor-bytes.ts';

const placement = ({ name, type, recipe }: Initializer): Placement => {
  if (recipe.kind === 'values') return { bytes: encodeValues(type.dtype, recipe.values) };
  const length = byteWidth[type.dtype] * sizeOf(type.shape);
  if (length < 1024) return { bytes: new Uint8Array(length) };
  return { location: `${name}.data`, offset: 4096, length };
};

const encode = (model: Model): Uint8Array =>
  encodeModel(model, new Map(model.graph.initializers.map((each) => [each.name, placement(each)])));

const withNodes = (nodes: Model['graph']['nodes']): Model => ({
  ...sampleModel,
  graph: { ...sampleModel.graph, nodes },
});

describe('encodeModel', () => {
  test('gives bytes that read back as the same model, but for where weights come from', () => {
    const read = decodeModel(encode(sampleModel));
    expect(read.graph.initializers.map(({ recipe }) => recipe)).toEqual([
      { kind: 'stored', location: 'w.data', offset: 4096, length: 2048 },
      { kind: 'values', values: Array.from({ length: 32 }, () => 0) },
      { kind: 'values', values: [0] },
      { kind: 'values', values: [2 ** 62] },
      { kind: 'values', values: [-1] },
    ]);
    const initializers = read.graph.initializers.map((each, index) => ({
      ...each,
      recipe: sampleModel.graph.initializers[index]?.recipe,
    }));
    expect({ ...read, graph: { ...read.graph, initializers } }).toEqual(sampleModel);
  });

  test('keeps every kind of attribute exactly', () => {
    const nodes = [
      { domain: 'x', op: 'Any', inputs: [], outputs: ['', 'b'], attributes: sampleAttributes },
    ];
    expect(decodeModel(encode(withNodes(nodes))).graph.nodes).toEqual(nodes);
  });

  test('gives the same bytes every time', () => {
    expect(encode(structuredClone(sampleModel))).toEqual(encode(sampleModel));
  });

  test('reads the file in place: a large tensor inside it is a range of it', () => {
    const bytes = Uint8Array.from({ length: 2048 }, (_, i) => i);
    const places = new Map(
      sampleModel.graph.initializers.map((each) => [each.name, placement(each)]),
    );
    const file = encodeModel(sampleModel, places.set('w', { bytes }));
    const padded = new Uint8Array(file.length + 7);
    padded.set(file, 7);
    const [w] = decodeModel(padded.subarray(7)).graph.initializers;
    expect(w?.recipe).toMatchObject({ kind: 'stored', location: '', length: 2048 });
    const offset = w?.recipe.kind === 'stored' ? w.recipe.offset : 0;
    expect(file.subarray(offset, offset + 2048)).toEqual(bytes);
  });
});

describe('encodeFrame', () => {
  test('has the size of the file it frames', () => {
    const { initializers } = sampleModel.graph;
    const places = new Map(initializers.map((each) => [each.name, placement(each)]));
    const frame = encodeFrame(
      sampleModel,
      new Map(
        [...places].map(([name, place]) => [
          name,
          'bytes' in place ? { length: place.bytes.length } : place,
        ]),
      ),
    );
    expect(frame.size).toBe(encode(sampleModel).length);
    expect(frame.pieces.map(({ initializer }) => initializer)).toEqual(initializers);
  });

  test('frames a model without initializers in one piece', () => {
    const model = { ...sampleModel, graph: { ...sampleModel.graph, initializers: [] } };
    const { pieces, size } = encodeFrame(model, new Map());
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.head.length).toBe(size);
    expect(decodeModel(encodeModel(model, new Map()))).toEqual(model);
  });

  test('frames a model up to 2 GiB less a byte, and refuses a larger one', () => {
    const places = new Map(sampleModel.graph.initializers.map(({ name }) => [name, { length: 0 }]));
    const size = (length: number): number =>
      encodeFrame(sampleModel, places.set('w', { length })).size;
    const limit = 2 ** 31 - 1;
    const most = 2 ** 30 + (limit - size(2 ** 30)); // lengths from 2^28 on take as many bytes
    expect(size(most)).toBe(limit);
    for (const length of [most + 1, 2 ** 31, 2 ** 32, 2 ** 33]) {
      expect(() => size(length)).toThrow(
        expect.objectContaining({
          code: 'UNSUPPORTED_SIZE',
          fix: expect.stringMatching('--single-file'),
        }),
      );
    }
  });

  test('says which initializer has no place', () => {
    expect(() => encodeFrame(sampleModel, new Map())).toThrow(ToolkitError);
  });
});
