// The text that `--calibration` names, read before anything else is done.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { maxAssetBytes } from '../base/limits.ts';
import { fileSource } from '../checkpoint/file-source.ts';
import { readWhole } from '../checkpoint/json-asset.ts';
import type { ConvertFlags } from './convert-grammar.ts';

/** The text; undefined where no file is given. */
export async function readCalibration({
  calibration: path,
  method,
  targetKl,
}: ConvertFlags): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (method !== 'gptq' && targetKl === undefined) {
    throw new ToolkitError('USAGE', 'a calibration text belongs to --method gptq or --target-kl', {
      where: { calibration: path },
      fix: 'add --method gptq',
    });
  }
  const source = await fileSource(path);
  const bytes = await readWhole(source, maxAssetBytes).finally(() => source.close());
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  throw new ToolkitError('FILE_KIND', 'a calibration text is UTF-8', { where: { file: path } });
}
