// A checkpoint's folder, opened and understood: what the graph is built from.

import type { Checkpoint } from '../base/checkpoint.ts';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, Hasher, SourceFolder, WrittenFile } from '../base/files.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { maxConfigBytes } from '../base/limits.ts';
import { type Asset, readAssets } from '../checkpoint/assets.ts';
import { readJsonBytes } from '../checkpoint/json-asset.ts';
import { openCheckpoint } from '../checkpoint/open.ts';
import { refuseOthers } from '../checkpoint/other-weights.ts';
import { type ReadConfig, readConfig } from '../config/read.ts';
import { chooseTask } from './bind.ts';
import { withTiedTable } from './tied-copy.ts';

/** A checkpoint opened and understood. */
export interface Source {
  readonly checkpoint: Checkpoint;
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly configText: string;
  readonly raw: ReadConfig['raw'];
  readonly assets: readonly Asset[];
  /** Small files that were read: config.json and the assets. */
  readonly inputs: readonly Asset[];
  readonly warnings: readonly string[];
}

export interface SourceOptions {
  /** Without one, the task of the config's `architectures`. */
  readonly task?: Task;
  /** A hash faster than the one in TypeScript. */
  readonly sha256?: () => Hasher;
  /** Hashes a whole file of weights; without one, `sha256` does so on the calling thread. */
  readonly hashFile?: (source: ByteSource) => Promise<WrittenFile>;
  readonly onWarning?: (sentence: string) => void;
}

/** Opens a checkpoint's folder: config, weights' headers, the files beside them. */
export async function openSource(folder: SourceFolder, options: SourceOptions): Promise<Source> {
  const configFile = await readConfigFile(folder);
  const configText = decodeUtf8(configFile.bytes);
  if (configText === undefined) {
    throw new ToolkitError('JSON_SYNTAX', 'the file is not UTF-8', {
      where: { file: configFile.name },
    });
  }
  const { config, raw, warnings } = readConfig(configText);
  const { assets, warnings: assetWarnings } = await readAssets(folder, config.vocabSize);
  const opened = await openCheckpoint(folder, options);
  try {
    const task = chooseTask(options.task, config, opened.tensors);
    const tied = await tiedFor(task, config, opened);
    const checkpoint = { ...opened, tensors: tied.tensors };
    const all = [...warnings, ...opened.warnings, ...tied.warnings, ...assetWarnings];
    for (const sentence of all) options.onWarning?.(sentence);
    const inputs = [configFile, ...assets];
    return { checkpoint, config, task, configText, raw, assets, inputs, warnings: all };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Only the language model has a projection that a table can be tied to. */
async function tiedFor(
  task: Task,
  config: ModernBertDecoderConfig,
  { tensors }: Checkpoint,
): ReturnType<typeof withTiedTable> {
  if (task !== 'text-generation') return { tensors, warnings: [] };
  return await withTiedTable(config, tensors);
}

async function readConfigFile(folder: SourceFolder): Promise<Asset> {
  const name = 'config.json';
  const source = await folder.open(name);
  if (!source) {
    refuseOthers({ folder: folder.name }, await folder.list());
    throw new ToolkitError('INPUT_MISSING', 'the folder has no config.json beside the weights', {
      where: { folder: folder.name },
      fix: 'give the folder that save_pretrained wrote',
    });
  }
  return { name, bytes: await readJsonBytes(source, maxConfigBytes).finally(() => source.close()) };
}
