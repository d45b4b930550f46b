import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxDataFileBytes } from '../base/limits.ts';
import type { Initializer } from '../ir/graph.ts';
import { isDataFileOf, layOut } from './layout.ts';
import { isExternal } from './placement.ts';

const bytes = (name: string, size: number): Initializer => ({
  name,
  type: { dtype: 'uint8', shape: [size] },
  recipe: { kind: 'weight', tensors: [name], transpose: false },
});

const mebibyte = 2 ** 20;

describe('layOut', () => {
  test('keeps weights below 1 KiB in the model and puts the others in one file', () => {
    const { places, dataFiles } = layOut(
      [bytes('a', 1023), bytes('b', 1024), bytes('c', 5000)],
      'm',
    );
    expect([...places]).toEqual([
      ['a', { length: 1023 }],
      ['b', { location: 'm_data', offset: 0, length: 1024 }],
      ['c', { location: 'm_data', offset: 1024, length: 5000 }],
    ]);
    expect(dataFiles).toEqual([{ name: 'm_data', size: 6024 }]);
  });

  test('begins weights of 1 MiB on a page', () => {
    const { places } = layOut(
      [bytes('a', 1025), bytes('b', mebibyte), bytes('c', mebibyte - 1)],
      'm',
    );
    expect(places.get('b')).toMatchObject({ offset: 4096 });
    expect(places.get('c')).toMatchObject({ offset: 4096 + mebibyte });
  });

  test('goes on in another file before one has 2,000,000,000 bytes', () => {
    const sizes = [999_997_440, 1_000_002_559, 1_000_002_560, 1_999_999_999, 1024];
    const list = sizes.map((size, index) => bytes(String(index), size));
    const { dataFiles, warnings } = layOut(list, 'model.onnx');
    expect(dataFiles).toEqual([
      { name: 'model.onnx_data', size: 1_999_999_999 },
      { name: 'model.onnx_data_1', size: 1_000_002_560 },
      { name: 'model.onnx_data_2', size: 1_999_999_999 },
      { name: 'model.onnx_data_3', size: 1024 },
    ]);
    expect(warnings).toEqual([]);
  });

  test('does not fill a file to 2,000,000,000 bytes', () => {
    const { dataFiles } = layOut([bytes('a', 999_997_440), bytes('b', 1_000_002_560)], 'm');
    expect(dataFiles.map(({ size }) => size)).toEqual([999_997_440, 1_000_002_560]);
  });

  test('goes on in another file before one has as many bytes as it may', () => {
    const list = [bytes('a', 2000), bytes('b', 1999), bytes('huge', 9000), bytes('c', 1024)];
    const { dataFiles, warnings } = layOut(list, 'm', { maxDataFileBytes: 4000 });
    expect(dataFiles).toEqual([
      { name: 'm_data', size: 3999 },
      { name: 'm_data_1', size: 9000 },
      { name: 'm_data_2', size: 1024 },
    ]);
    expect(warnings).toEqual([]);
  });

  test('gives a weight of 2 GB a file of its own, with a warning', () => {
    const list = [bytes('a', 2000), bytes('huge', maxDataFileBytes), bytes('b', 2000)];
    const { dataFiles, warnings } = layOut(list, 'm');
    expect(dataFiles).toEqual([
      { name: 'm_data', size: 2000 },
      { name: 'm_data_1', size: maxDataFileBytes },
      { name: 'm_data_2', size: 2000 },
    ]);
    expect(warnings).toEqual([expect.stringContaining('huge')]);
  });

  test('keeps everything in a single file when asked', () => {
    const { places, dataFiles } = layOut([bytes('a', 5000)], 'm', { singleFile: true });
    expect([...places]).toEqual([['a', { length: 5000 }]]);
    expect(dataFiles).toEqual([]);
  });

  test('places ranges in order, without overlap, and wastes less than a page each', () => {
    const size = fc.oneof(fc.nat(4096), fc.integer({ min: mebibyte - 2, max: 900 * mebibyte }));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 30 }), (sizes) => {
        const list = sizes.map((each, index) => bytes(String(index), each));
        const { places, dataFiles } = layOut(list, 'm');
        expect([...places.keys()]).toEqual(list.map(({ name }) => name));
        const ends = new Map<string, number>();
        for (const place of places.values()) {
          if (!isExternal(place)) continue;
          const gap = place.offset - (ends.get(place.location) ?? 0);
          expect(gap).toBeGreaterThanOrEqual(0);
          expect(gap).toBeLessThan(4096);
          expect(place.length < mebibyte || place.offset % 4096 === 0).toBe(true);
          ends.set(place.location, place.offset + place.length);
        }
        expect(dataFiles.map(({ name, size: end }) => [name, end])).toEqual([...ends]);
        for (const end of ends.values()) expect(end).toBeLessThan(maxDataFileBytes);
      }),
    );
  });
});

test('isDataFileOf knows the data files of a model by name', () => {
  const names = [
    'm_data',
    'm_data_1',
    'm_data_12',
    'm_data_0',
    'm_data_x',
    'm_data2',
    'n_data',
    'm',
  ];
  expect(names.filter((name) => isDataFileOf('m', name))).toEqual([
    'm_data',
    'm_data_1',
    'm_data_12',
  ]);
});
