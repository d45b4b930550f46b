// What rounding and the check of half floats need from the command line: the calibration text,
// threads, and a line that says what took how long.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { isHalf, isQuantized } from '../base/manifest.ts';
import { maxAssetBytes } from '../base/limits.ts';
import { fileSource } from '../checkpoint/file-source.ts';
import { readWhole } from '../checkpoint/json-asset.ts';
import type { ConvertOptions } from '../convert.ts';
import type { Progress } from '../gptq.ts';
import type { Context } from './command.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { startRoundThreads } from './round-threads.ts';
import { formatCount } from './sizes.ts';

export interface RoundingTools {
  readonly options: Pick<ConvertOptions, 'calibration' | 'engine' | 'onProgress'>;
  readonly close: () => Promise<void>;
}

/** Prepares what the flags ask for. */
export async function openRounding(flags: ConvertFlags, context: Context): Promise<RoundingTools> {
  const { method, dtype, calibration: path, fp16Check } = flags;
  if (path !== undefined && method !== 'gptq') {
    throw new ToolkitError('USAGE', 'a calibration text belongs to --method gptq', {
      where: { calibration: path },
      fix: 'add --method gptq',
    });
  }
  const { update } = context.progress;
  if (!dtype.some(isQuantized) && !(fp16Check && dtype.some(isHalf))) {
    return { options: { onProgress: update }, close: () => Promise.resolve() };
  }
  const calibration = path === undefined ? undefined : await readText(path);
  const threads = startRoundThreads();
  return {
    options: {
      ...(calibration !== undefined && { calibration }),
      engine: threads.engine,
      onProgress: reporter(context, threads.count),
    },
    close: threads.close,
  };
}

async function readText(path: string): Promise<string> {
  const source = await fileSource(path);
  const bytes = await readWhole(source, maxAssetBytes).finally(() => source.close());
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  throw new ToolkitError('FILE_KIND', 'a calibration text is UTF-8', { where: { file: path } });
}

/** Draws progress, and says at the end of each stage of gptq how long it took. */
function reporter({ progress, messages }: Context, threads: number): (step: Progress) => void {
  let started = performance.now();
  return ({ stage, done, total }) => {
    if (stage === 'weights') return progress.update({ stage, done, total });
    progress.update({ stage, done, total, format: formatCount });
    if (done < total) return;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    started = performance.now();
    if (stage === 'checked products') return;
    messages.note(`gptq: ${formatCount(total)} ${stage} in ${seconds} s on ${threads} threads`);
  };
}
