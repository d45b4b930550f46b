// What decides a generation: the caller's options over the model's generation_config.json over the
// defaults of transformers.

import { ToolkitError } from '../../base/errors.ts';
import type { Sampling } from './sampling.ts';

/** Options of a generation, by the names and with the meaning that transformers gives them. */
export interface GenerationOptions extends Partial<Sampling> {
  /** Tokens to add at most; comes before maxLength. */
  readonly maxNewTokens?: number;
  /** Tokens of prompt and continuation at most. */
  readonly maxLength?: number;
  /** Whether to draw tokens; without it the most likely token is taken. */
  readonly doSample?: boolean;
  /** Above 1, tokens that a row holds already become less likely. */
  readonly repetitionPenalty?: number;
  /** Continuations of each prompt. */
  readonly numReturnSequences?: number;
  /** Decides what is drawn; without it every run draws anew. */
  readonly seed?: number;
  /** Tokens that end a sequence. */
  readonly stopIds?: readonly number[];
}

type Lengths = Pick<GenerationOptions, 'maxNewTokens' | 'maxLength'>;

/** Options with a value for everything but the length, which depends on the prompt. */
export type GenerationSettings = Lengths & Required<Omit<GenerationOptions, keyof Lengths>>;

/** Tokens added where nothing says how many. */
const usualNewTokens = 20;

const rules: Readonly<
  Record<string, { readonly says: string; readonly holds: (n: number) => boolean }>
> = {
  maxNewTokens: { says: 'a whole number of 1 or more', holds: isCount },
  maxLength: { says: 'a whole number of 1 or more', holds: isCount },
  numReturnSequences: { says: 'a whole number of 1 or more', holds: isCount },
  seed: { says: 'a whole number of 0 or more', holds: isWhole },
  topK: { says: 'a whole number of 0 or more', holds: isWhole },
  temperature: { says: 'a number above 0', holds: (n) => n > 0 && Number.isFinite(n) },
  repetitionPenalty: { says: 'a number above 0', holds: (n) => n > 0 && Number.isFinite(n) },
  topP: { says: 'a number from 0 to 1', holds: (n) => n >= 0 && n <= 1 },
  minP: { says: 'a number from 0 to 1', holds: (n) => n >= 0 && n <= 1 },
};

/** What transformers does where nobody says otherwise. */
const usual = {
  doSample: false,
  numReturnSequences: 1,
  temperature: 1,
  topK: 50,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  stopIds: [],
} as const satisfies GenerationOptions;

/** The settings of a generation; an option that cannot be is an error. */
export function settingsOf(
  options: GenerationOptions,
  model: GenerationOptions = {},
): GenerationSettings {
  const given = withoutUndefined(options);
  const settings = { ...usual, seed: randomSeed(), ...model, ...given };
  for (const [name, value] of Object.entries(settings)) {
    const rule = rules[name];
    if (rule !== undefined && typeof value === 'number' && !rule.holds(value)) {
      throw new ToolkitError('USAGE', `${name} is not ${rule.says}`, { where: { [name]: value } });
    }
  }
  if (!settings.doSample && settings.numReturnSequences > 1) {
    throw new ToolkitError('USAGE', 'several sequences without sampling would all be the same', {
      where: { sequences: settings.numReturnSequences },
      fix: 'sample, or ask for one sequence',
    });
  }
  // a length that the caller gives comes before the other one of the model
  if (given.maxLength === undefined || given.maxNewTokens !== undefined) return settings;
  const { maxNewTokens: _, ...others } = settings;
  return others;
}

/** How many tokens a prompt may be continued by; more than the model has positions for is an error. */
export function newTokensOf(
  promptLength: number,
  maxPositions: number,
  { maxNewTokens, maxLength }: Lengths,
): number {
  const room = maxPositions - promptLength;
  const asked = maxNewTokens ?? (maxLength === undefined ? undefined : maxLength - promptLength);
  const where = { prompt: promptLength, positions: maxPositions };
  if (room < 1) {
    throw new ToolkitError('UNSUPPORTED_SIZE', 'the prompt fills all positions of the model', {
      where,
      fix: 'shorten the prompt',
    });
  }
  if (asked === undefined) return Math.min(usualNewTokens, room);
  if (asked < 1) {
    throw new ToolkitError('USAGE', 'the prompt is as long as the sequence may be', {
      where: { prompt: promptLength, max_length: maxLength ?? 0 },
      fix: 'allow more tokens',
    });
  }
  if (asked > room) {
    throw new ToolkitError(
      'UNSUPPORTED_SIZE',
      'prompt and new tokens are more than the model has positions for',
      { where: { ...where, new_tokens: asked }, fix: `ask for at most ${room} new tokens` },
    );
  }
  return asked;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isCount(value: number): boolean {
  return isWhole(value) && value > 0;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function withoutUndefined(options: GenerationOptions): GenerationOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
