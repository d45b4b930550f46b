// generation_config.json: what the makers of a model recommend.

import { ToolkitError } from '../../base/errors.ts';
import type { GenerationOptions } from './generation-settings.ts';

export interface GenerationConfig {
  readonly options: GenerationOptions;
  /** Fields that change the text in transformers and do not here. */
  readonly ignored: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

const numbers = {
  max_new_tokens: 'maxNewTokens',
  max_length: 'maxLength',
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
  num_return_sequences: 'numReturnSequences',
} as const satisfies Readonly<Record<string, keyof GenerationOptions>>;

/** Fields that change the text, and the values with which they do not. */
const unread: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  penalty_alpha: [0],
  dola_layers: [],
  top_h: [],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  no_repeat_ngram_size: [0],
  bad_words_ids: [],
  min_length: [0],
  min_new_tokens: [0],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  sequence_bias: [],
  guidance_scale: [1],
  exponential_decay_length_penalty: [],
  stop_strings: [],
  watermarking_config: [],
};

/** Reads the members of a generation_config.json, or of a config.json where there is none. */
export function readGenerationConfig(members: Members): GenerationConfig {
  const read: Record<string, unknown> = {};
  for (const [field, option] of Object.entries(numbers)) {
    const value = members[field] ?? undefined;
    if (value === undefined) continue;
    if (typeof value !== 'number') throw invalid(field, 'a number');
    read[option] = value;
  }
  const sampled = members['do_sample'] ?? undefined;
  if (sampled !== undefined && typeof sampled !== 'boolean') {
    throw invalid('do_sample', 'true or false');
  }
  const doSample = sampled === undefined ? {} : { doSample: sampled };
  const stopIds = idsOf(members['eos_token_id'] ?? []);
  const ignored = Object.entries(unread)
    .filter(([field, idle]) => ![...idle, null, undefined].includes(members[field]))
    .map(([field]) => field);
  return { options: { ...read, ...doSample, stopIds }, ignored };
}

function idsOf(value: unknown): readonly number[] {
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
      throw invalid('eos_token_id', 'an id, or a list of ids');
    }
    return id;
  });
}

function invalid(field: string, expected: string): ToolkitError {
  return new ToolkitError('CONFIG_INVALID', `${field} is malformed: ${expected} is expected`, {
    where: { file: 'generation_config.json' },
    fix: 'correct the field, or remove the file',
  });
}
