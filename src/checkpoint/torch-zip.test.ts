import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../base/errors.ts';
import { archiveBytes, pickle, vectorsPickle } from '../../test/torch-archive.ts';
import { bytesSource } from './memory-source.ts';
import { readSafetensors } from './safetensors.ts';
import { readTorchZip } from './torch-zip.ts';

const folder = new URL('../../test/data/torch/', import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const read = (bytes: Uint8Array) => readTorchZip(bytesSource('pytorch_model.bin', bytes));

const vectors = (entries: Readonly<Record<string, Uint8Array>>) =>
  archiveBytes(Object.entries(entries).map(([name, bytes]) => ({ name, bytes })));

describe('a state dict that torch saved', () => {
  test('holds what its safetensors twin holds', async () => {
    const saved = await read(bytesOf('state-dict.bin'));
    const twin = await readSafetensors(bytesSource('x', bytesOf('state-dict.safetensors')));
    expect(saved.tensors.map(({ name }) => name).toSorted()).toEqual(
      twin.tensors.map(({ name }) => name).toSorted(),
    );
    for (const expected of twin.tensors) {
      const tensor = saved.tensors.find(({ name }) => name === expected.name);
      expect([tensor?.dtype, tensor?.shape]).toEqual([expected.dtype, expected.shape]);
      expect(await tensor?.read(0, expected.size)).toEqual(await expected.read(0, expected.size));
    }
  });

  test('is refused with the tensor named when it lies in strides', async () => {
    await expect(read(bytesOf('transposed.bin'))).rejects.toThrow(
      /not stored row by row.*tensor=weight.*contiguous\(\)/,
    );
  });

  test.each([
    ['legacy.bin', 'TORCH_ZIP', /before torch 1\.6.*weights_only=True/],
    ['os-system.bin', 'TORCH_PICKLE', /global=posix\.system.*nothing of the file was run/],
    ['trainer-state.bin', 'TORCH_PICKLE', /not a tensor.*key=model/],
    ['protocol-4.bin', 'TORCH_PICKLE', /protocol=4/],
    ['sparse.bin', 'TORCH_PICKLE', /global=torch/],
    ['torchscript.bin', 'TORCH_ZIP', /TorchScript/],
  ])('is refused: %s', async (name, code, message) => {
    await expect(read(bytesOf(name))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(existsSync('pwned')).toBe(false);
  });
});

describe('an archive', () => {
  const data = pickle(vectorsPickle({ a: 2, b: 1 }));
  const good = {
    'x/data.pkl': data,
    'x/byteorder': pickle('little'),
    'x/data/0': new Uint8Array(8).fill(1),
    'x/data/1': new Uint8Array(4).fill(2),
  };

  test('gives its tensors', async () => {
    const { tensors } = await read(vectors(good));
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['a', [2]],
      ['b', [1]],
    ]);
    expect(await tensors[1]?.read(0, 4)).toEqual(new Uint8Array(4).fill(2));
  });

  test.each([
    ['of big-endian weights', { ...good, 'x/byteorder': pickle('big') }, 'little-endian'],
    ['without a storage', { 'x/data.pkl': data, 'x/data/0': good['x/data/0'] }, 'storage=1'],
    ['with a short storage', { ...good, 'x/data/1': new Uint8Array(3) }, 'expected=4, got=3'],
    ['with two pickles', { ...good, 'y/data.pkl': data }, 'one data.pkl'],
    ['without a pickle', { 'x/data/0': new Uint8Array(8) }, 'one data.pkl'],
    ['with a pickle deeper down', { 'x/y/data.pkl': data }, 'one data.pkl'],
  ])('%s is refused', async (_name, entries, message) => {
    await expect(read(vectors(entries))).rejects.toThrow(message);
  });

  test('with a compressed entry is refused with the entry named', async () => {
    const bytes = vectors(good);
    const entry = bytes.findLastIndex(
      (byte, at) => byte === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 1,
    );
    bytes[entry + 10] = 8;
    await expect(read(bytes)).rejects.toThrow(
      'is compressed or encrypted, not stored as it is (file=pytorch_model.bin, entry=x/data/1)',
    );
  });

  test('that holds a name twice is refused', async () => {
    const entries = ['x/data.pkl', 'x/data.pkl'].map((name) => ({ name, bytes: data }));
    await expect(read(archiveBytes(entries))).rejects.toThrow('stands twice');
  });

  test('cut off anywhere is refused as such', async () => {
    const bytes = bytesOf('state-dict.bin');
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(read(bytes.slice(0, length))).rejects.toMatchObject({ code: 'TORCH_ZIP' });
    }
  });

  test('with any byte changed is read or refused, never worse', async () => {
    const bytes = bytesOf('state-dict.bin');
    const outcomes = new Map<string, number>();
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0xff]) {
        const changed = bytes.slice();
        changed[at] = (bytes[at] ?? 0) ^ flip;
        const outcome = await read(changed).then(
          () => 'read',
          (error: unknown) => (error instanceof ToolkitError ? error.code : String(error)),
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    expect([...outcomes.keys()].toSorted()).toEqual(['TORCH_PICKLE', 'TORCH_ZIP', 'read']);
  });
});
