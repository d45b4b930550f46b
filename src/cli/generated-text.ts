// What `generate` made, for people and for scripts.

import type { Generated } from '../runtime/text/generate.ts';
import type { GenerationOptions } from '../runtime/text/generation-settings.ts';
import { legible } from './legible.ts';

/** A sequence and its text. */
export interface Written extends Generated {
  /** What follows the prompt. */
  readonly text: string;
}

/** How the texts came to be. */
export interface Run {
  readonly runtime: string;
  readonly dtype: string;
  readonly options: GenerationOptions;
  readonly seconds: number;
}

/** Every text after its prompt, each under a heading. */
export function generatedText(prompts: readonly string[], texts: readonly Written[]): string {
  const count = texts.length / prompts.length;
  return texts
    .map(({ prompt, sequence, text }) => {
      const which = [
        ...(prompts.length > 1 ? [`prompt ${prompt + 1}`] : []),
        ...(count > 1 ? [`sequence ${sequence + 1}`] : []),
      ].join(', ');
      return `== ${which} ==\n${legible((prompts[prompt] ?? '') + text)}\n`;
    })
    .join('\n');
}

export function generatedDocument(
  prompts: readonly string[],
  texts: readonly Written[],
  { runtime, dtype, options, seconds }: Run,
): Readonly<Record<string, unknown>> {
  return {
    runtime,
    dtype,
    ...(options.doSample === true && { seed: options.seed }),
    seconds,
    sequences: texts.map(({ prompt, sequence, ids, ending, text }) => ({
      prompt: prompts[prompt],
      sequence,
      text,
      ids,
      ending,
    })),
  };
}

/** One line about the run. */
export function summary(
  texts: readonly Written[],
  { runtime, dtype, options, seconds }: Run,
): string {
  const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  const seed = options.doSample === true ? `, seed ${options.seed}` : '';
  const speed = `${(tokens / seconds).toFixed(1)} tokens per second`;
  return `${tokens} tokens, ${speed}; ${runtime}, ${dtype}${seed}`;
}
