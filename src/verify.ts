// The proof of an output folder: files against the manifest, models against the rules of their
// format, numbers against a golden.
//
// Hashes come first: a file that is not the one that was written is bad data, whatever it computes.

import { ToolkitError } from './base/errors.ts';
import type { Hasher, SourceFolder } from './base/files.ts';
import {
  type Manifest,
  modelPaths,
  type Verification,
  type WeightFormat,
} from './base/manifest.ts';
import type { Runner } from './base/runner.ts';
import { pureSha256 } from './base/sha256.ts';
import { hashSource } from './checkpoint/hash.ts';
import { verifyModelFiles } from './onnx/verify-files.ts';
import { modelName, type Output, readOutputConfig } from './runtime/output.ts';
import type { Gates } from './validate/gates.ts';
import { type Golden, readGolden } from './validate/golden.ts';
import { verifyRunner } from './validate/protocol.ts';
import type { VerifyReport } from './validate/report.ts';

/** Name of the golden that a conversion leaves beside the manifest. */
export const goldenName = 'golden.safetensors';

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

/** Holds every file that the manifest lists against its size and hash. */
export async function checkHashes(
  output: Output,
  manifest: Manifest,
  sha256: () => Hasher = pureSha256,
): Promise<void> {
  checkModelsListed(manifest);
  for (const expected of manifest.outputs) {
    const source = await openOutputFile(output, expected.path);
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

// a model without a hash would be held against nothing
function checkModelsListed({ dtypes, outputs }: Manifest): void {
  const listed = new Set(outputs.map(({ path }) => path));
  const file = dtypes.map((dtype) => modelPaths[dtype]).find((path) => !listed.has(path));
  if (file === undefined) return;
  throw new ToolkitError('MANIFEST_INVALID', 'the manifest does not list a model', {
    where: { file },
    fix: 'convert again',
  });
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

function verificationOf({ file, report }: VerifiedFile, golden: string): Verification {
  const { dtype, runtime, verdict, figures } = report;
  return { file, dtype, runtime, golden, passed: verdict === 'pass', figures };
}

/** Opens a file by its path in the manifest; undefined when there is none. */
export function openOutputFile(
  { root, models }: Output,
  path: string,
): ReturnType<SourceFolder['open']> {
  const prefix = 'onnx/';
  return path.startsWith(prefix) ? models.open(path.slice(prefix.length)) : root.open(path);
}
