// `convert`: opens the source, writes to a hidden folder, proves what lies there where that is
// asked for, and publishes it.

import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import type { Manifest } from '../base/manifest.ts';
import { convert, plan, type ConvertOptions } from '../convert.ts';
import { createOutput, nodeSha256, type FileOutput } from '../onnx/file-sink.ts';
import { holds } from '../onnx/file-target.ts';
import type { Verified } from '../verify.ts';
import { readCalibration } from './calibration-file.ts';
import type { Context, Outcome } from './command.ts';
import { conversionText, driftedText, planText } from './convert-text.ts';
import { failpointOf } from './failpoint.ts';
import { hashFile } from './hash-thread.ts';
import { openSourceFolder } from './open-source.ts';
import { peakMemory } from './peak-memory.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { createProver } from './proof.ts';
import { openRounding } from './rounding.ts';
import { reportsOf, verifiedText } from './verified-text.ts';

export async function convertCommand(
  source: string,
  flags: ConvertFlags,
  context: Context,
): Promise<Outcome> {
  const calibration = await readCalibration(flags);
  const { folder, path } = await openSourceFolder(source, flags, context);
  const target = flags.output ?? `${folder.name}-onnx`;
  const options = {
    ...optionsOf(flags, context),
    ...(calibration !== undefined && { calibration }),
  };
  if (flags.dryRun === true) {
    const rounding = openRounding(flags, context);
    const wanted = { ...options, ...rounding.options };
    return await dryRun(folder, target, wanted).finally(rounding.close);
  }
  await refuseSourceInside(path, target);
  const creating = createOutput(target, {
    force: flags.force === true,
    ...failpointOption(context),
  });
  const release = context.interrupts.guard(async () => (await creating).abort());
  try {
    const output = await creating;
    for (const sentence of output.notes) context.messages.note(sentence);
    return await writeOrAbort(folder, output, { target, flags, options, context });
  } finally {
    release();
  }
}

interface Job {
  readonly target: string;
  readonly flags: ConvertFlags;
  readonly options: ConvertOptions;
  readonly context: Context;
}

async function writeOrAbort(folder: SourceFolder, output: FileOutput, job: Job): Promise<Outcome> {
  try {
    return await writeOutput(folder, output, job);
  } catch (error) {
    await output.abort();
    throw error;
  }
}

async function writeOutput(
  folder: SourceFolder,
  output: FileOutput,
  { target, flags, options, context }: Job,
): Promise<Outcome> {
  const proves = flags.verify === true || flags.golden !== undefined;
  const prover = proves ? await createProver(output.folder, flags.golden, context) : undefined;
  const rounding = openRounding(flags, context);
  const manifest = await convert(folder, output, {
    ...options,
    ...rounding.options,
    onPlan: ({ files }) => output.reserve(files.reduce((sum, { size }) => sum + size, 0)),
    ...(prover && { prove: prover.prove }),
  }).finally(rounding.close);
  const verified = prover?.found();
  if (verified?.passed === false) {
    await output.abort();
    return failed(verified);
  }
  await output.publish();
  return converted(manifest, folder.name, target, verified);
}

function converted(
  manifest: Manifest,
  name: string,
  target: string,
  verified: Verified | undefined,
): Outcome {
  return {
    passed: true,
    written: target,
    text: (verified ? verifiedText(verified) : '') + conversionText(manifest, name, target),
    document: {
      output: { folder: resolve(target), files: manifest.outputs },
      manifest,
      ...(verified && { reports: reportsOf(verified) }),
    },
  };
}

function failed(verified: Verified): Outcome {
  return {
    passed: false,
    text: `${verifiedText(verified)}${driftedText}\n`,
    document: { reports: reportsOf(verified) },
  };
}

async function dryRun(
  folder: SourceFolder,
  target: string,
  options: ConvertOptions,
): Promise<Outcome> {
  const { config, ...planned } = await plan(folder, options);
  const threads = availableParallelism();
  const peak = peakMemory({ ...planned, config }, { ...options, threads });
  return {
    passed: true,
    text: planText({ ...planned, config }, folder.name, target, peak),
    document: { dryRun: true, output: { folder: resolve(target) }, ...planned, peakMemory: peak },
  };
}

function optionsOf(flags: ConvertFlags, { messages }: Context): ConvertOptions {
  const { task, dtype, target, singleFile = false, numLogitsToKeep, debug = false } = flags;
  const { method, blockSize, symmetry, accuracyLevel, keep, targetKl } = flags;
  const { fp16Check, strictFp16 = false } = flags;
  return {
    ...(task === 'auto' ? {} : { task }),
    dtypes: dtype,
    target,
    quantization: { method, blockSize, symmetry, accuracyLevel, ...(keep && { keep }) },
    ...(targetKl !== undefined && { targetKl }),
    singleFile,
    numLogitsToKeep,
    fp16Check,
    strictFp16,
    debug,
    sha256: nodeSha256,
    hashFile,
    onWarning: messages.warn,
  };
}

function failpointOption({ env }: Context): { failpoint?: (name: string) => void } {
  const failpoint = failpointOf(env['MODERNBERT_ONNX_FAILPOINT']);
  return failpoint === undefined ? {} : { failpoint };
}

// Replacing the output folder would delete the checkpoint before anybody noticed.
async function refuseSourceInside(source: string, target: string): Promise<void> {
  const [from, to] = await Promise.all([realpath(source), realpath(target).catch(() => undefined)]);
  if (to === undefined || !holds(to, from)) return;
  throw new ToolkitError('OUTPUT_CREATE', 'the output folder holds the checkpoint', {
    where: { output: target, source },
    fix: 'choose another folder',
  });
}
