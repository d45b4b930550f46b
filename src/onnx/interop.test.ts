// What others make of our files: ONNX's own messages as generated for the package onnx-proto, and
// ONNX Runtime.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import independent from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { sampleModel, sampleValue, sampleWeights } from '../../test/sample-model.ts';
import { memorySink } from './memory-sink.ts';
import { writeModels } from './write-model.ts';

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const write = async (singleFile: boolean): Promise<ReadonlyMap<string, Uint8Array>> => {
  const sink = memorySink();
  const job = { model: sampleModel, path: 'onnx/model.onnx' };
  await writeModels([job], sampleWeights(100), sink, { singleFile });
  return sink.files;
};

const onDisk = async (files: ReadonlyMap<string, Uint8Array>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  folders.push(folder);
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
};

/** What the sample computes: half of x · w · gain, turned so that its sum is positive. */
const expected = (x: readonly number[]): readonly number[] => {
  const [w, gain] = sampleModel.graph.initializers;
  if (w === undefined || gain === undefined) return [];
  const y = Array.from({ length: 32 }, (_, column) => {
    const products = x.map((value, row) => value * sampleValue(w, 32 * row + column));
    return 0.5 * sampleValue(gain, column) * products.reduce((a, b) => a + b, 0);
  });
  return y.reduce((a, b) => a + b, 0) > 0 ? y : y.map((value) => -value);
};

describe.each([{ singleFile: false }, { singleFile: true }])('Files with %o', ({ singleFile }) => {
  test('are read by code generated from ONNX 1.10', async () => {
    const files = await write(singleFile);
    const model = independent.onnx.ModelProto.decode(
      files.get('onnx/model.onnx') ?? new Uint8Array(),
    );
    expect(Number(model.irVersion)).toBe(10);
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([
      ['', 21],
      ['ai.modernbert', 1],
    ]);
    const { graph } = model;
    expect(graph?.node?.map(({ opType, name }) => `${opType} ${name}`)).toEqual([
      'MatMul h',
      'Mul g',
      'Half s',
      'Slice t',
      'ReduceSum sum',
      'Constant zero',
      'Greater positive',
      'If y',
    ]);
    expect(graph?.initializer?.map(({ name, dims }) => [name, dims?.map(Number)])).toEqual([
      ['w', [16, 32]],
      ['gain', [32]],
      ['starts', [1]],
      ['ends', [1]],
      ['axes', [1]],
    ]);
    expect(graph?.valueInfo?.map(({ name }) => name)).toEqual(['h', 'g', 's', 't']);
    expect(model.functions.map(({ name }) => name)).toEqual(['Half']);
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ['tool', 'sample'],
      ['language', 'żółw'],
    ]);
  });

  test('run in ONNX Runtime, which inlines the function and takes the branches', async () => {
    const folder = await onDisk(await write(singleFile));
    const session = await InferenceSession.create(join(folder, 'onnx/model.onnx'));
    for (const sign of [1, -1]) {
      const x = Array.from({ length: 16 }, (_, i) => sign * Math.cos(i));
      const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(x), [1, 16]) });
      expect(y?.dims).toEqual([1, 32]);
      const difference = expected(x).map((value, i) => Math.abs(value - Number(y?.data[i])));
      expect(Math.max(...difference)).toBeLessThan(1e-6);
    }
    await session.release();
  });
});
