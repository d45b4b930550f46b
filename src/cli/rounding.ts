// What rounding and the check of half floats need from the command line: threads, and a line that
// says what took how long.

import { isHalf, isQuantized } from '../base/manifest.ts';
import type { ConvertOptions } from '../convert.ts';
import type { Progress } from '../gptq.ts';
import type { Context } from './command.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { startRoundThreads } from './round-threads.ts';
import { formatCount } from './sizes.ts';

export interface RoundingTools {
  readonly options: Pick<ConvertOptions, 'engine' | 'onProgress'>;
  readonly close: () => Promise<void>;
}

/** Prepares what the flags ask for. */
export function openRounding(flags: ConvertFlags, context: Context): RoundingTools {
  const { dtype, fp16Check, method } = flags;
  const { update } = context.progress;
  if (!dtype.some(isQuantized) && !(fp16Check && dtype.some(isHalf))) {
    return { options: { onProgress: update }, close: () => Promise.resolve() };
  }
  const threads = startRoundThreads();
  return {
    options: {
      engine: threads.engine,
      onProgress: reporter(context, threads.count, method),
    },
    close: threads.close,
  };
}

/** Draws progress, and says at the end of each stage of gptq or of --target-kl how long it took. */
function reporter(
  { progress, messages }: Context,
  threads: number,
  method: ConvertFlags['method'],
): (step: Progress) => void {
  let started = performance.now();
  return ({ stage, done, total }) => {
    if (stage === 'weights') return progress.update({ stage, done, total });
    progress.update({ stage, done, total, format: formatCount });
    // products are measured between models, and their time is a part of the models'
    if (done < total || stage === 'measured products') return;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    started = performance.now();
    if (stage === 'checked products') return;
    const what = stage === 'measured models' || method === 'rtn' ? 'target-kl' : 'gptq';
    messages.note(`${what}: ${formatCount(total)} ${stage} in ${seconds} s on ${threads} threads`);
  };
}
