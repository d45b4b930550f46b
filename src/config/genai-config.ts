// genai_config.json: how onnxruntime-genai drives a decoder. It does not know this architecture, and
// runs any graph of these inputs and outputs as its generic `decoder`.
//
// No position_ids stand in it, for the graph counts its own; and no sliding_window, which would cut
// the caches of models that keep whole ones and see to the window themselves.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import type { Fields } from './fields.ts';

type Members = Readonly<Record<string, unknown>>;

export interface GenaiSource {
  readonly config: ModernBertDecoderConfig;
  /** Fields of config.json. */
  readonly fields: Fields;
  /** Members of generation_config.json, whose choices come first. */
  readonly generation: Members;
}

export interface GenaiModel {
  /** Path of the model file from the root of the output. */
  readonly file: string;
  /** Whether new keys are written where the old ones lie, so one buffer can be past and present. */
  readonly inPlace: boolean;
}

/** The text of a genai_config.json. */
export function genaiConfig(source: GenaiSource, model: GenaiModel): string {
  const { config, generation } = source;
  const value = {
    model: {
      type: 'decoder',
      ...tokenIds(source),
      context_length: config.maxPositions,
      vocab_size: config.vocabSize,
      decoder: decoderOf(config, model.file),
    },
    search: {
      ...searchOf(generation),
      max_length: config.maxPositions,
      past_present_share_buffer: model.inPlace,
    },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function decoderOf(config: ModernBertDecoderConfig, file: string): object {
  return {
    session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
    filename: file,
    head_size: config.headDim,
    hidden_size: config.hiddenSize,
    num_attention_heads: config.numHeads,
    num_hidden_layers: config.layers.length,
    num_key_value_heads: config.numHeads,
    inputs: {
      input_ids: 'input_ids',
      attention_mask: 'attention_mask',
      past_key_names: 'past_key_values.%d.key',
      past_value_names: 'past_key_values.%d.value',
    },
    outputs: {
      logits: 'logits',
      present_key_names: 'present.%d.key',
      present_value_names: 'present.%d.value',
    },
  };
}

/** What transformers 5.18 takes where a config.json names none. */
const defaultIds = { bos_token_id: 50_281, eos_token_id: 50_282, pad_token_id: 50_283 } as const;

function tokenIds({ config, fields, generation }: GenaiSource): object {
  const entries = Object.entries(defaultIds).map(([name, fallback]) => {
    const configured = fields.has(name) ? fields.get(name) : fallback;
    const ids = idsOf(generation[name] ?? configured, config.vocabSize);
    return [name, ids.length > 1 && name === 'eos_token_id' ? ids : ids[0]] as const;
  });
  return Object.fromEntries(entries.filter(([, id]) => id !== undefined));
}

/** Tokens of the vocabulary only: the runtime looks up the logits of an id without a check. */
function idsOf(value: unknown, vocabSize: number): readonly number[] {
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  return ids.filter(
    (id): id is number =>
      typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize,
  );
}

/** How transformers generates where a model's makers say nothing. */
const searchDefaults = {
  do_sample: false,
  temperature: 1,
  top_k: 50,
  top_p: 1,
  repetition_penalty: 1,
  min_length: 0,
  no_repeat_ngram_size: 0,
  num_beams: 1,
  num_return_sequences: 1,
  length_penalty: 1,
  diversity_penalty: 0,
  early_stopping: true,
} as const;

/** Names that the runtime reads as whole numbers. */
const counts: ReadonlySet<string> = new Set([
  'top_k',
  'min_length',
  'no_repeat_ngram_size',
  'num_beams',
  'num_return_sequences',
]);

/** What makers of a model recommend; a value that the runtime could not read is the default. */
function searchOf(generation: Members): object {
  const entries = Object.entries(searchDefaults).map(([name, fallback]) => {
    const value = generation[name];
    const readable =
      typeof value === typeof fallback && (!counts.has(name) || Number.isInteger(value));
    return [name, readable ? value : fallback] as const;
  });
  return Object.fromEntries(entries);
}
