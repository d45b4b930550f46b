// A manifest for model cards, and cards of it.

import { parse } from 'yaml';
import type { Manifest, Verification } from '../../src/base/manifest.ts';
import { type CardFacts, modelCard } from '../../src/hub/card.ts';
import { splitCard } from '../../src/hub/front-matter.ts';

export const revision: string = '0123456789abcdef0123456789abcdef01234567';
const file = (path: string, size: number): Manifest['outputs'][number] => ({
  path,
  size,
  sha256: 'ab'.repeat(32),
});

export const verification: Verification = {
  file: 'onnx/model.onnx',
  dtype: 'fp32',
  runtime: 'onnxruntime 1.30.0 (cpu)',
  golden: 'oracle',
  passed: true,
  figures: { maxDifference: 1.34e-5, maxRelativeDifference: 6.61e-7, meanKl: 1.19e-12, top1: 1 },
};

export const manifest: Manifest = {
  schemaVersion: 1,
  tool: { name: 'modernbert-onnx', version: '0.1.0' },
  source: { id: 'org/ettin', revision },
  task: 'text-generation',
  target: 'onnxruntime',
  dtypes: ['q4', 'fp32'],
  quantization: {
    method: 'gptq',
    blockSize: 32,
    symmetry: 'auto',
    accuracyLevel: 4,
    keep: [{ dtype: 'q4', pattern: 'embeddings', format: 'q8' }],
    calibration: { source: 'model', seed: 0, tokens: 8192 },
  },
  inputs: [file('config.json', 3)],
  outputs: [
    file('onnx/model.onnx', 100_000),
    file('onnx/model.onnx_data', 5_200_000),
    file('onnx/model_q4.onnx', 1_000_000),
    file('tokenizer.json', 3),
    file('tokenizer_config.json', 3),
  ],
  weights: { parameters: 1_257_472, unused: [], nonFinite: [] },
  warnings: [],
  verifications: [verification],
};

export const facts: CardFacts = { manifest, id: 'me/ettin-onnx' };

/** The card with one changed fact about the models. */
export function cardOf(change: Partial<Manifest>, more: Partial<CardFacts> = {}): string {
  return modelCard({ ...facts, manifest: { ...manifest, ...change }, ...more });
}

export function yamlOf(card: string): Readonly<Record<string, unknown>> {
  return parse(splitCard(card).yaml ?? '') as Readonly<Record<string, unknown>>;
}
