// The generation loop: prompts of unequal lengths are continued together, each until it ends.
//
// A sequence's random numbers come from the seed and its number among the prompt's sequences, so
// what a prompt gets does not depend on the prompts beside it.

import type { Candidates, Decoder } from '../../base/decoding.ts';
import { ToolkitError } from '../../base/errors.ts';
import {
  newTokensOf,
  settingsOf,
  type GenerationOptions,
  type GenerationSettings,
} from './generation-settings.ts';
import { randomStream, type Random } from './random.ts';
import { candidateCount, sample } from './sampling.ts';

/** Why a sequence ended. */
export type Ending = 'stop' | 'length' | 'aborted';

/** A continuation of a prompt, as far as it is. */
export interface Continuation {
  /** Which prompt, from 0. */
  readonly prompt: number;
  /** Which of the prompt's sequences, from 0. */
  readonly sequence: number;
  /** The tokens after the prompt; a token that ended the sequence is the last of them. */
  readonly ids: readonly number[];
}

export interface Generated extends Continuation {
  readonly ending: Ending;
}

export interface GenerateOptions extends GenerationOptions {
  /** Asked after every token whether the sequence ends with it. */
  readonly stop?: (continuation: Continuation) => boolean;
  /** Told every token as it comes; the next step waits for it. */
  readonly onToken?: (id: number, continuation: Continuation) => void | Promise<void>;
  /** Ends the generation; what is there by then is the result. */
  readonly signal?: AbortSignal;
  /** What generation_config.json says; options come before it. */
  readonly defaults?: GenerationOptions;
}

interface Row extends Continuation {
  readonly ids: number[];
  readonly room: number;
  readonly random: Random;
  ending: Ending | undefined;
}

/** Continues prompts; the result has `numReturnSequences` sequences of each, in order. */
export async function generate(
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
): Promise<readonly Generated[]> {
  const settings = settingsOf(options, options.defaults);
  const rows = prompts.flatMap((ids, prompt) => {
    checkPrompt(ids, prompt, decoder.vocabSize);
    const room = newTokensOf(ids.length, decoder.maxPositions, settings);
    return Array.from({ length: settings.numReturnSequences }, (_, sequence): Row => {
      const random = randomStream(settings.seed, sequence);
      return { prompt, sequence, ids: [], room, random, ending: undefined };
    });
  });
  if (rows.length > 0 && options.signal?.aborted !== true) {
    await run(decoder, prompts, rows, settings, options);
  }
  return rows.map(({ prompt, sequence, ids, ending = 'aborted' }) => {
    return { prompt, sequence, ids, ending };
  });
}

async function run(
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  rows: readonly Row[],
  settings: GenerationSettings,
  { stop, onToken, signal }: GenerateOptions,
): Promise<void> {
  const { doSample, repetitionPenalty, stopIds } = settings;
  const ask = { count: doSample ? candidateCount(settings) : 1, repetitionPenalty };
  const stops = new Set(stopIds);
  const isAborted = (): boolean => signal?.aborted === true;
  const decoding = await decoder.start(rows.length);
  try {
    let tokens: readonly (readonly number[] | undefined)[] = rows.map(
      ({ prompt }) => prompts[prompt],
    );
    while (tokens.some((row) => row !== undefined) && !isAborted()) {
      const candidates = await decoding.append(tokens, ask);
      // an abort while the step ran takes what the step brought with it
      if (isAborted()) return;
      const next: (readonly number[] | undefined)[] = [];
      for (const [index, row] of rows.entries()) {
        const found = candidates[index];
        if (row.ending !== undefined || found === undefined) continue;
        const id = await choose(found, decoder.vocabSize, settings, row.random);
        row.ids.push(id);
        next[index] = [id];
        await onToken?.(id, row);
        if (stops.has(id) || stop?.(row) === true) row.ending = 'stop';
        else if (row.ids.length >= row.room) row.ending = 'length';
      }
      tokens = rows.map(({ ending }, index) => (ending === undefined ? next[index] : undefined));
    }
  } finally {
    await decoding.close();
  }
}

async function choose(
  candidates: Candidates,
  vocabSize: number,
  settings: GenerationSettings,
  random: Random,
): Promise<number> {
  const [best] = candidates.ids;
  if (best === undefined || !Number.isFinite(candidates.logSum)) {
    throw new ToolkitError('RUNTIME_FAILED', 'the model computes logits that are no numbers', {
      fix: 'choose fp32: half floats may overflow in this model',
    });
  }
  return settings.doSample ? await sample(candidates, vocabSize, settings, random()) : best;
}

function checkPrompt(ids: readonly number[], prompt: number, vocabSize: number): void {
  if (ids.length === 0) {
    throw new ToolkitError('USAGE', 'a prompt has no tokens', {
      where: { prompt: prompt + 1 },
      fix: 'begin it with a token, as the one that the tokenizer puts in front',
    });
  }
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong === undefined) return;
  throw new ToolkitError('USAGE', 'a prompt has an id that is not in the vocabulary', {
    where: { prompt: prompt + 1, id: wrong, vocab_size: vocabSize },
    fix: "use the model's own tokenizer",
  });
}
