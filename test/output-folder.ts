// Output folders on disk, where ONNX Runtime finds a model's data files, and what it makes of them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Manifest } from '../src/base/manifest.ts';
import { fileSource, openFolder } from '../src/checkpoint/file-source.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { type Golden, readGolden } from '../src/validate/golden.ts';
import { type Verified, verify } from '../src/verify.ts';

export const goldenFolder: string = join(import.meta.dirname, '../golden');

/** A folder that was written, and what its manifest says. */
export interface OutputFolder {
  readonly path: string;
  readonly manifest: Manifest;
}

/** Puts files into a folder that is deleted when the test ends. */
export function storeFiles(files: ReadonlyMap<string, Uint8Array>): string {
  const path = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  return path;
}

/** Converts a golden case. */
export async function convertCase(name: string, options: ConvertOptions): Promise<OutputFolder> {
  const sink = memorySink();
  const manifest = await convert(await openFolder(join(goldenFolder, name)), sink, options);
  return { path: storeFiles(sink.files), manifest };
}

/** The recorded outputs of a golden case. */
export async function goldenOf(name: string): Promise<Golden> {
  const source = await fileSource(join(goldenFolder, name, 'golden.safetensors'));
  return readGolden(source).finally(() => source.close());
}

/** Runs the models of a folder on ONNX Runtime over a golden. */
export async function verifyFolder(
  { path, manifest }: OutputFolder,
  golden: Golden,
): Promise<Verified> {
  const models = join(path, 'onnx');
  const output = { root: await openFolder(path), models: await openFolder(models) };
  return verify(output, manifest, {
    open: (name) => openOnnxRuntime(join(models, name)),
    golden: { name: 'test', golden },
  });
}
