// The text that `--calibration` names, read before anything else is done.

import { ToolkitError } from '../base/errors.ts';
import { maxTextBytes } from '../base/limits.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { readTextFile } from './text-file.ts';

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
  return (await readTextFile(path, 'the calibration text', maxTextBytes)).text;
}
