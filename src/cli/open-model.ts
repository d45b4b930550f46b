// An output folder opened to work on text: its model's file, config and tokenizer.

import { join } from 'node:path';
import type { Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import type { WeightFormat } from '../base/manifest.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import type { ReadConfig } from '../config/read.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import { openTokenizer, type Tokenizer } from '../runtime/text/tokenizer.ts';
import { modelName, readManifest, readOutputConfig } from '../runtime/output.ts';
import type { ModelFile } from './open-runtime.ts';

export interface TextModel {
  readonly root: SourceFolder;
  readonly file: ModelFile;
  readonly dtype: WeightFormat;
  readonly raw: ReadConfig['raw'];
  readonly tokenizer: Tokenizer;
}

const commands: Readonly<Record<Task, string>> = {
  'text-generation': 'modernbert-onnx generate works on it',
  'text-classification': 'modernbert-onnx classify works on it',
  'feature-extraction': 'no command works on its hidden states',
};

/** Opens an output folder that holds a model for `task`; without a dtype the first that it has. */
export async function openTextModel(
  path: string,
  task: Task,
  dtype: WeightFormat | undefined,
): Promise<TextModel> {
  const root = await openFolder(path);
  const manifest = await readManifest({ root, models: root });
  if (manifest.task !== task) {
    throw new ToolkitError('USAGE', `the folder holds a model for ${manifest.task}`, {
      where: { folder: root.name },
      fix: `${commands[manifest.task]}; for ${task} convert with --task ${task}`,
    });
  }
  const folder = join(path, 'onnx');
  const output = { root, models: await openFolder(folder) };
  const chosen = dtype ?? manifest.dtypes[0] ?? 'fp32';
  const name = modelName(output, manifest, chosen);
  await verifyModelFiles(output.models, name);
  const { config, raw } = await readOutputConfig(output);
  const tokenizer = await openTokenizer(root);
  return { root, file: { folder, name, config, task }, dtype: chosen, raw, tokenizer };
}
