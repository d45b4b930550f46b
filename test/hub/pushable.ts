// A folder that may be pushed, as a conversion with a passed verification leaves it.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Manifest, manifestName, printManifest } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert } from '../../src/convert.ts';
import { createOutput, nodeSha256 } from '../../src/onnx/file-sink.ts';
import { caseFolder } from '../command.ts';
import { temporaryFolder } from '../tree.ts';

/** Paths that a push of it sends. */
export const pushedPaths: readonly string[] = [
  manifestName,
  'README.md',
  'config.json',
  'genai_config.json',
  'generation_config.json',
  'onnx/model.onnx',
  'onnx/model.onnx_data',
];

/** Converts a checkpoint before the tests of a file; the function copies it for one test. */
export function pushable(): () => string {
  let place = '';
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
    const output = await createOutput(join(place, 'out'), { force: false });
    const source = await openFolder(caseFolder('clm-default'));
    await convert(source, output, {
      dtypes: ['fp32'],
      target: 'onnxruntime',
      sha256: nodeSha256,
      prove: async () => ({ verifications: [passed], files: [] }),
    });
    await output.publish();
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));
  return () => {
    const folder = join(temporaryFolder(), 'out');
    cpSync(join(place, 'out'), folder, { recursive: true });
    return folder;
  };
}

/** The verification of its model. */
export const passed = {
  file: 'onnx/model.onnx',
  dtype: 'fp32',
  runtime: 'onnxruntime 1.30.0 (cpu)',
  golden: 'oracle',
  passed: true,
  figures: { maxDifference: 1e-6 },
} as const;

/** Changes the manifest of a folder. */
export function editManifest(
  folder: string,
  change: (manifest: Manifest) => Partial<Manifest>,
): void {
  const path = join(folder, manifestName);
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  writeFileSync(path, printManifest({ ...manifest, ...change(manifest) }));
}
