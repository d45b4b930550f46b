// The same checkpoint and options give the same bytes: on another day, in another folder, under
// another locale, and however the weights are divided into files.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Manifest, manifestName } from '../src/base/manifest.ts';
import { parseManifest } from '../src/base/manifest-reader.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { openCheckpoint } from '../src/checkpoint/open.ts';
import { writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { createOutput } from '../src/onnx/file-sink.ts';
import { goldenFolder } from './output-folder.ts';
import { temporaryFolder, treeOf } from './tree.ts';

const both: ConvertOptions = { dtypes: ['fp32', 'fp16'], target: 'onnxruntime' };

/** Converts a folder into another one, as the command does. */
async function convertTo(target: string, source: string, options = both): Promise<void> {
  const output = await createOutput(target, { force: false });
  await convert(await openFolder(source), output, options);
  await output.publish();
}

/** Path → hash of every file in a folder. */
function hashesOf(folder: string): Readonly<Record<string, string>> {
  const entries = Object.entries(treeOf(folder));
  return Object.fromEntries(
    entries.map(([path, text]) => [
      path,
      createHash('sha256').update(text, 'latin1').digest('hex'),
    ]),
  );
}

function without(
  files: Readonly<Record<string, string>>,
  ...paths: readonly string[]
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));
}

function manifestIn(folder: string): Manifest {
  return parseManifest(readFileSync(join(folder, manifestName)));
}

describe.each(['shakespeare', 'cls-three-labels', 'clm-legacy-bin'])('%s', (name) => {
  const golden = join(goldenFolder, name);

  test('gives the same bytes in two folders, and from a copy in a third', async () => {
    const place = temporaryFolder();
    const copy = join(place, 'Kopie von früher');
    cpSync(golden, copy, { recursive: true });
    const outputs = ['a', 'deep/inside/b', 'c'].map((path) => join(place, path));
    const [first = '', second = '', third = ''] = outputs;
    await convertTo(first, golden);
    await convertTo(second, golden);
    await convertTo(third, copy);
    const hashes = hashesOf(first);
    expect(Object.keys(hashes)).toEqual(
      expect.arrayContaining([
        'config.json',
        'modernbert-onnx.json',
        'onnx/model.onnx',
        'onnx/model.onnx_data',
        'onnx/model_fp16.onnx',
        'onnx/model_fp16.onnx_data',
      ]),
    );
    expect(hashesOf(second)).toEqual(hashes);
    expect(hashesOf(third)).toEqual(hashes);
    const texts = Object.values(treeOf(third)).join('\n');
    expect(texts).not.toContain(place);
    expect(texts).not.toContain(golden);
    expect(texts).not.toContain('Kopie');
  });

  test('gives the same bytes to the command, under another locale and clock', async () => {
    const place = temporaryFolder();
    const [byLibrary, byCommand] = [join(place, 'library'), join(place, 'command')];
    await convertTo(byLibrary, golden);
    const command = join(import.meta.dirname, '../dist/bin/modernbert-onnx.js');
    const { status, stderr } = spawnSync(
      process.execPath,
      [command, 'convert', golden, '-o', byCommand, '--dtype', 'fp32,fp16'],
      {
        encoding: 'utf8',
        env: { ...process.env, TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR' },
      },
    );
    expect(status === 0 ? '' : stderr).toBe('');
    expect(hashesOf(byCommand)).toEqual(hashesOf(byLibrary));
  });

  test('gives a model the same bytes alone and beside another', async () => {
    const place = temporaryFolder();
    const [together, alone] = [join(place, 'together'), join(place, 'alone')];
    await convertTo(together, golden);
    await convertTo(alone, golden, { ...both, dtypes: ['fp16'] });
    const { 'onnx/model_fp16.onnx': model, 'onnx/model_fp16.onnx_data': data } = hashesOf(together);
    expect(hashesOf(alone)).toMatchObject({
      'onnx/model_fp16.onnx': model,
      'onnx/model_fp16.onnx_data': data,
    });
  });
});

test('shards and one file give the same models, and manifests that differ in their inputs', async () => {
  const place = temporaryFolder();
  const shards = join(goldenFolder, 'clm-biases-untied');
  const whole = join(place, 'whole');
  mkdirSync(whole);
  for (const file of ['config.json', 'generation_config.json']) {
    cpSync(join(shards, file), join(whole, file));
  }
  writeFileSync(join(whole, 'model.safetensors'), await weightsOf(shards));
  const [fromShards, fromWhole] = [join(place, 'from-shards'), join(place, 'from-whole')];
  await convertTo(fromShards, shards);
  await convertTo(fromWhole, whole);
  expect(without(hashesOf(fromWhole), manifestName)).toEqual(
    without(hashesOf(fromShards), manifestName),
  );
  const [ofShards, ofWhole] = [manifestIn(fromShards), manifestIn(fromWhole)];
  expect({ ...ofWhole, inputs: [] }).toEqual({ ...ofShards, inputs: [] });
  const names = (manifest: Manifest): readonly string[] => manifest.inputs.map(({ path }) => path);
  expect(names(ofWhole)).toEqual(['config.json', 'generation_config.json', 'model.safetensors']);
  expect(names(ofShards).filter((path) => path.startsWith('model-'))).toHaveLength(10);
});

/** All tensors of a checkpoint as one safetensors file. */
async function weightsOf(folder: string): Promise<Uint8Array> {
  const checkpoint = await openCheckpoint(await openFolder(folder));
  try {
    const tensors = [...checkpoint.tensors.values()].map(async (tensor) => {
      const { name, dtype, shape, size } = tensor;
      return { name, dtype, shape, bytes: await tensor.read(0, size) };
    });
    return writeSafetensors(await Promise.all(tensors), new Map([['format', 'pt']]));
  } finally {
    await checkpoint.close();
  }
}
