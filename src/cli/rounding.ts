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
export function openRounding({ dtype, fp16Check }: ConvertFlags, context: Context): RoundingTools {
  const { update } = context.progress;
  if (!dtype.some(isQuantized) && !(fp16Check && dtype.some(isHalf))) {
    return { options: { onProgress: update }, close: () => Promise.resolve() };
  }
  const threads = startRoundThreads();
  return {
    options: {
      engine: threads.engine,
      onProgress: reporter(context, threads.count),
    },
    close: threads.close,
  };
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
