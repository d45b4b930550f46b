// `verify`: holds the files of an output folder against its manifest, and what its models compute
// against recorded outputs.

import { join } from 'node:path';
import { type Manifest, withVerifications } from '../base/manifest.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { type Output, readManifest } from '../runtime/output.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { defaultGates, parseGate, tighten } from '../validate/gates.ts';
import { checkHashes, ownGolden, verify, type NamedGolden, type Verified } from '../verify.ts';
import type { Context, Outcome } from './command.ts';
import { openGolden } from './open-golden.ts';
import { runtimeOpener } from './open-runtime.ts';
import type { VerifyFlags } from './program.ts';
import { checkReportPlace, record, writeJUnit } from './report-files.ts';
import { reportsOf, verifiedText } from './verified-text.ts';

export async function verifyCommand(
  path: string,
  flags: VerifyFlags,
  context: Context,
): Promise<Outcome> {
  const overrides = (flags.gate ?? []).map(parseGate);
  if (flags.junit !== undefined) await checkReportPlace('junit', flags.junit);
  const { output, manifest } = await openOutput(path);
  await checkHashes(output, manifest, nodeSha256);
  const golden =
    flags.golden === undefined ? await ownGolden(output) : await openGolden(flags.golden);
  const dtypes = flags.dtype ?? manifest.dtypes;
  const verified = await verify(output, manifest, {
    open: runtimeOpener(flags.runtime, join(path, 'onnx'), context.messages),
    golden,
    dtypes,
    gates: tighten(defaultGates, overrides, dtypes),
    onStage: (...step) => context.progress.status(`verifying ${step.join(' ')}`),
  });
  if (flags.record) {
    await record(path, withVerifications(manifest, verified.verifications), context);
  }
  if (flags.junit !== undefined) await writeJUnit(flags.junit, verified, context.interrupts);
  return outcome(golden, verified);
}

async function openOutput(
  path: string,
): Promise<{ readonly output: Output; readonly manifest: Manifest }> {
  const root = await openFolder(path);
  // a folder without a manifest is told first, for it may be any folder
  const manifest = await readManifest({ root, models: root });
  return { output: { root, models: await openFolder(join(path, 'onnx')) }, manifest };
}

function outcome(golden: NamedGolden, verified: Verified): Outcome {
  return {
    passed: verified.passed,
    text: verifiedText(verified),
    document: { golden: golden.name, reports: reportsOf(verified) },
  };
}
