// `inspect`: what a checkpoint or a model file is, without converting or running it.

import { stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { openFolder } from '../checkpoint/file-source.ts';
import { openSource } from '../model/source.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import type { Context, Outcome } from './command.ts';
import { describeCheckpoint } from './describe-checkpoint.ts';
import { describeModel } from './describe-model.ts';
import { descriptionText } from './description.ts';
import { openSourceFolder, type SourceFlags } from './open-source.ts';

export async function inspectCommand(
  subject: string,
  flags: SourceFlags,
  context: Context,
): Promise<Outcome> {
  return (await isModelFile(subject))
    ? await inspectModel(subject)
    : await inspectCheckpoint(subject, flags, context);
}

async function isModelFile(path: string): Promise<boolean> {
  if (extname(path) !== '.onnx') return false;
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() !== true;
}

async function inspectModel(path: string): Promise<Outcome> {
  const folder = await openFolder(dirname(path));
  const described = describeModel(await verifyModelFiles(folder, basename(path)));
  return outcome(basename(path), described);
}

async function inspectCheckpoint(
  subject: string,
  flags: SourceFlags,
  context: Context,
): Promise<Outcome> {
  const { folder } = await openSourceFolder(subject, flags, context);
  const source = await openSource(folder, { onWarning: context.messages.warn });
  try {
    return outcome(folder.name, await describeCheckpoint(source, folder));
  } finally {
    await source.checkpoint.close();
  }
}

function outcome(title: string, described: ReturnType<typeof describeModel>): Outcome {
  const { document } = described;
  return { passed: true, text: descriptionText(title, described), document };
}
