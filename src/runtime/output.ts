// An output folder as it is read again: its manifest, its config, and the names of its models.

import { ToolkitError } from '../base/errors.ts';
import type { SourceFolder } from '../base/files.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { maxConfigBytes, maxManifestBytes } from '../base/limits.ts';
import { type Manifest, manifestName, modelPaths, type WeightFormat } from '../base/manifest.ts';
import { parseManifest } from '../base/manifest-reader.ts';
import { readWhole } from '../checkpoint/json-asset.ts';
import { readConfig, type ReadConfig } from '../config/read.ts';

/** An output folder: its root, and the folder of the models. */
export interface Output {
  readonly root: SourceFolder;
  readonly models: SourceFolder;
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
