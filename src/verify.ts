// The proof of an output folder: files against the manifest, models against the rules of their
// format, numbers against a golden.
//
// Hashes come first: a file that is not the one that was written is bad data, whatever it computes.

import { ToolkitError } from './base/errors.ts';
import type { Hasher, SourceFolder } from './base/files.ts';
import { decodeUtf8 } from './base/json-file.ts';
import { maxConfigBytes, maxManifestBytes } from './base/limits.ts';
import {
  type Manifest,
  manifestName,
  type Verification,
  type WeightFormat,
} from './base/manifest.ts';
import { parseManifest } from './base/manifest-reader.ts';
import type { Runner } from './base/runner.ts';
import { pureSha256 } from './base/sha256.ts';
import { readWhole } from './checkpoint/json-asset.ts';
import { hashSource } from './checkpoint/hash.ts';
import { readConfig, type ReadConfig } from './config/read.ts';
import { modelPaths } from './convert.ts';
import { verifyModelFiles } from './onnx/verify-files.ts';
import type { Gates } from './validate/gates.ts';
import { type Golden, readGolden } from './validate/golden.ts';
import { verifyRunner } from './validate/protocol.ts';
import type { VerifyReport } from './validate/report.ts';

/** Name of the golden that a conversion leaves beside the manifest. */
export const goldenName = 'golden.safetensors';

/** An output folder: its root, and the folder of the models. */
export interface Output {
  readonly root: SourceFolder;
  readonly models: SourceFolder;
}

export interface NamedGolden {
  /** A case's name, or the oracle: what the manifest calls it. */
  readonly name: string;
  readonly golden: Golden;
}

export interface VerifyOptions {
  /** Opens the model file of this name in the folder of the models. */
  readonly open: (modelName: string) => Promise<Runner>;
  readonly golden: NamedGolden;
  /** The formats to run; without it all that the manifest lists. */
  readonly dtypes?: readonly WeightFormat[];
  readonly gates?: Gates;
  readonly onStage?: (file: string, prompt: string, stage: string) => void;
}

export interface VerifiedFile {
  /** Path of the model in the output folder. */
  readonly file: string;
  readonly report: VerifyReport;
}

export interface Verified {
  readonly passed: boolean;
  readonly files: readonly VerifiedFile[];
  /** For the manifest. */
  readonly verifications: readonly Verification[];
}

/** Reads the manifest of an output folder. */
export async function readManifest({ root }: Output): Promise<Manifest> {
  const source = await root.open(manifestName);
  if (!source) {
    throw new ToolkitError('INPUT_MISSING', 'the folder has no manifest', {
      where: { file: manifestName, folder: root.name },
      fix: 'give a folder that convert wrote',
    });
  }
  return parseManifest(await readWhole(source, maxManifestBytes).finally(() => source.close()));
}

/** Holds every file that the manifest lists against its size and hash. */
export async function checkHashes(
  output: Output,
  manifest: Manifest,
  sha256: () => Hasher = pureSha256,
): Promise<void> {
  for (const expected of manifest.outputs) {
    const source = await openOutput(output, expected.path);
    const where = { file: expected.path };
    const fix = 'convert again, or copy the folder again';
    if (!source) {
      throw new ToolkitError('INPUT_MISSING', 'the manifest lists a file that is not there', {
        where,
        fix,
      });
    }
    try {
      if (source.size !== expected.size) {
        const sizes = { size: source.size, expected: expected.size };
        throw new ToolkitError(
          'HASH_MISMATCH',
          'the file has another size than the manifest says',
          {
            where: { ...where, ...sizes },
            fix,
          },
        );
      }
      const found = await hashSource(source, sha256());
      if (found.sha256 !== expected.sha256) {
        throw new ToolkitError('HASH_MISMATCH', 'the file is not the one that was written', {
          where: { ...where, sha256: found.sha256, expected: expected.sha256 },
          fix,
        });
      }
    } finally {
      await source.close();
    }
  }
}

/** The golden that lies beside the manifest. */
export async function ownGolden({ root }: Output): Promise<NamedGolden> {
  const source = await root.open(goldenName);
  if (!source) {
    throw new ToolkitError('INPUT_MISSING', 'the folder has no golden to be held against', {
      where: { file: goldenName, folder: root.name },
      fix: 'give one with --golden, or convert with --verify, which records one',
    });
  }
  return { name: 'oracle', golden: await readGolden(source).finally(() => source.close()) };
}

/** Runs the models of an output folder over a golden. */
export async function verify(
  output: Output,
  manifest: Manifest,
  { open, golden, dtypes = manifest.dtypes, gates, onStage }: VerifyOptions,
): Promise<Verified> {
  const { config } = await readOutputConfig(output);
  const files: VerifiedFile[] = [];
  for (const dtype of dtypes) {
    const file = modelPaths[dtype];
    const name = modelName(output, manifest, dtype);
    await verifyModelFiles(output.models, name);
    const runner = await open(name);
    try {
      const report = await verifyRunner(runner, golden.golden, config, manifest.task, dtype, {
        ...(gates && { gates }),
        onStage: (prompt, stage) => onStage?.(file, prompt, stage),
      });
      files.push({ file, report });
    } finally {
      await runner.close();
    }
  }
  return {
    passed: files.every(({ report }) => report.verdict === 'pass'),
    files,
    verifications: files.map((each) => verificationOf(each, golden.name)),
  };
}

/** The name of a format's model in the folder of the models. */
export function modelName(
  { root }: Output,
  { dtypes }: Pick<Manifest, 'dtypes'>,
  dtype: WeightFormat,
): string {
  if (!dtypes.includes(dtype)) {
    throw new ToolkitError('INPUT_MISSING', `the folder has no ${dtype} model`, {
      where: { folder: root.name, dtypes },
      fix: `convert with --dtype ${dtype}`,
    });
  }
  const file = modelPaths[dtype];
  return file.slice(file.lastIndexOf('/') + 1);
}

/** Reads the config.json of an output folder. */
export async function readOutputConfig({ root }: Pick<Output, 'root'>): Promise<ReadConfig> {
  const name = 'config.json';
  const source = await root.open(name);
  if (!source) {
    throw new ToolkitError('INPUT_MISSING', `the folder has no ${name}`, {
      where: { folder: root.name },
      fix: 'convert again, or copy the folder again',
    });
  }
  const bytes = await readWhole(source, maxConfigBytes).finally(() => source.close());
  const text = decodeUtf8(bytes);
  if (text === undefined)
    throw new ToolkitError('JSON_SYNTAX', 'the file is not UTF-8', { where: { file: name } });
  return readConfig(text);
}

function verificationOf({ file, report }: VerifiedFile, golden: string): Verification {
  const { dtype, runtime, verdict, figures } = report;
  return { file, dtype, runtime, golden, passed: verdict === 'pass', figures };
}

function openOutput({ root, models }: Output, path: string): ReturnType<SourceFolder['open']> {
  const prefix = 'onnx/';
  return path.startsWith(prefix) ? models.open(path.slice(prefix.length)) : root.open(path);
}
