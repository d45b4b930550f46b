// What `compare` works on: the models of a folder, fp32 first, and a text cut into windows.

import { basename, join } from 'node:path';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import { maxTextBytes } from '../base/limits.ts';
import { type Manifest, type WeightFormat, weightFormats } from '../base/manifest.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import type { Graph } from '../ir/graph.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import { modelName, type Output, readManifest, readOutputConfig } from '../runtime/output.ts';
import { openTokenizer } from '../runtime/text/tokenizer.ts';
import { cutWindows, type Windows } from '../validate/compare-windows.ts';
import type { CompareFlags } from './compare-grammar.ts';
import { readTextFile } from './text-file.ts';

/** A model file of the folder. */
export interface Candidate {
  readonly dtype: WeightFormat;
  readonly name: string;
  readonly bytes: number;
  readonly graph: Graph;
}

export interface Subject {
  readonly folder: string;
  readonly output: Output;
  readonly manifest: Manifest;
  /** Name of the text's file. */
  readonly text: string;
  /** sha256 of the text's file. */
  readonly sha256: string;
  readonly config: ModernBertDecoderConfig;
  readonly windows: Windows;
  /** fp32 first. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
}

export async function openSubject(path: string, flags: CompareFlags): Promise<Subject> {
  const root = await openFolder(path);
  const manifest = await readManifest({ root, models: root });
  if (manifest.task !== 'text-generation') {
    throw new ToolkitError('USAGE', `the folder holds a model for ${manifest.task}`, {
      where: { folder: root.name },
      fix: 'compare measures language models: convert with --task text-generation',
    });
  }
  const { config } = await readOutputConfig({ root });
  checkWindow(flags.window, config);
  const asked = flags.dtype ?? manifest.dtypes;
  const others = weightFormats.filter((dtype) => dtype !== 'fp32' && asked.includes(dtype));
  const models = await openFolder(join(path, 'onnx'));
  const output = { root, models };
  const base = await openCandidate(output, manifest, 'fp32');
  const candidates: [Candidate, ...Candidate[]] = [base];
  for (const dtype of others) {
    candidates.push(await openCandidate(output, manifest, dtype));
  }
  const tokenizer = await openTokenizer(root);
  const { text, bytes } = await readTextFile(flags.text, 'the text', maxTextBytes);
  const hasher = nodeSha256();
  hasher.update(bytes);
  const tokens = tokenizer.encode(text, { special: false });
  const windows = cutWindows(tokens, flags.window, flags.tokens);
  const named = { folder: root.name, text: basename(flags.text), sha256: hasher.digest() };
  return { ...named, output, manifest, config, windows, candidates };
}

function checkWindow(window: number, { maxPositions }: ModernBertDecoderConfig): void {
  if (window <= maxPositions) return;
  throw new ToolkitError('USAGE', 'the window is longer than the model has positions', {
    where: { window, positions: maxPositions },
    fix: `give --window ${maxPositions} or less`,
  });
}

async function openCandidate(
  output: Output,
  manifest: Manifest,
  dtype: WeightFormat,
): Promise<Candidate> {
  const name = modelName(output, manifest, dtype);
  const { files, model } = await verifyModelFiles(output.models, name);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { dtype, name, bytes, graph: model.graph };
}
