import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isFloatDType } from '../base/dtypes.ts';
import { sizeOf } from '../base/tensors.ts';
import { openFolder } from './file-source.ts';
import { decodeFloats } from './floats.ts';
import { openCheckpoint } from './open.ts';

const golden = (name: string) => new URL(`../../golden/${name}`, import.meta.url).pathname;

async function openGolden(name: string) {
  return openCheckpoint(await openFolder(golden(name)));
}

describe.each([
  ['shakespeare', 'F32'],
  ['shakespeare-mood', 'F32'],
  ['base-model', 'F32'],
  ['clm-default', 'F32'],
  ['clm-bf16', 'BF16'],
  ['clm-biases-untied', 'F32'],
  ['clm-legacy-bin', 'F32'],
  ['cls-three-labels', 'F32'],
])('the golden checkpoint %s', (name, dtype) => {
  test('gives finite weights under the names of transformers', async () => {
    const checkpoint = await openGolden(name);
    expect(checkpoint.warnings).toEqual([]);
    expect(checkpoint.tensors.get('model.embeddings.tok_embeddings.weight')?.dtype).toBe(dtype);
    for (const [key, tensor] of checkpoint.tensors) {
      expect(key).toMatch(/^(?:model\.|lm_head\.|decoder\.|head\.|classifier\.)/);
      const values = new Float32Array(sizeOf(tensor.shape));
      if (!isFloatDType(tensor.dtype)) throw new Error(`${key} is ${tensor.dtype}`);
      decodeFloats(await tensor.read(0, tensor.size), tensor.dtype, values);
      expect(values.every((value) => Number.isFinite(value) && Math.abs(value) < 100)).toBe(true);
    }
    await checkpoint.close();
  });
});

test('shards are hashed by what the caller gives for that', async () => {
  const checkpoint = await openCheckpoint(await openFolder(golden('clm-biases-untied')), {
    hashFile: async ({ name, size }) => ({ path: name, size, sha256: `of ${name}` }),
  });
  const hashes = await checkpoint.hashes();
  expect(hashes.map(({ sha256 }) => sha256)).toEqual(hashes.map(({ path }) => `of ${path}`));
  expect(hashes).toHaveLength(10);
  await checkpoint.close();
});

test('every shard is hashed, whole and in order', async () => {
  const folder = golden('clm-biases-untied');
  const checkpoint = await openGolden('clm-biases-untied');
  const hashes = await checkpoint.hashes();
  expect(hashes).toHaveLength(10);
  for (const { path, size, sha256 } of hashes) {
    const bytes = readFileSync(`${folder}/${path}`);
    expect([size, sha256]).toEqual([
      bytes.length,
      createHash('sha256').update(bytes).digest('hex'),
    ]);
  }
  await checkpoint.close();
});
