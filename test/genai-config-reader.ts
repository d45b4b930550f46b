// genai_config.json as onnxruntime-genai's source reads it: fields by name and kind, where an unknown
// name or another kind ends the loading. Only what a decoder of text has is known here.

type Kind = 'text' | 'count' | 'number' | 'flag' | 'counts';
type Known = { readonly [name: string]: Kind | Known | readonly [] };

const session: Known = { log_id: 'text', provider_options: [] };

const known: Known = {
  model: {
    type: 'text',
    bos_token_id: 'count',
    eos_token_id: 'counts',
    pad_token_id: 'count',
    context_length: 'count',
    vocab_size: 'count',
    decoder: {
      session_options: session,
      filename: 'text',
      head_size: 'count',
      hidden_size: 'count',
      num_attention_heads: 'count',
      num_hidden_layers: 'count',
      num_key_value_heads: 'count',
      inputs: {
        input_ids: 'text',
        attention_mask: 'text',
        position_ids: 'text',
        past_key_names: 'text',
        past_value_names: 'text',
      },
      outputs: { logits: 'text', present_key_names: 'text', present_value_names: 'text' },
    },
  },
  search: {
    do_sample: 'flag',
    early_stopping: 'flag',
    past_present_share_buffer: 'flag',
    max_length: 'count',
    min_length: 'count',
    num_beams: 'count',
    num_return_sequences: 'count',
    top_k: 'count',
    no_repeat_ngram_size: 'count',
    top_p: 'number',
    temperature: 'number',
    repetition_penalty: 'number',
    length_penalty: 'number',
    diversity_penalty: 'number',
  },
};

/** What a decoder is run by. */
export interface GenaiConfig {
  readonly model: {
    readonly type: string;
    readonly bos_token_id?: number;
    readonly eos_token_id?: number | readonly number[];
    readonly pad_token_id: number;
    readonly context_length: number;
    readonly vocab_size: number;
    readonly decoder: {
      readonly filename: string;
      readonly head_size: number;
      readonly num_hidden_layers: number;
      readonly num_key_value_heads: number;
      readonly inputs: Readonly<Record<string, string>>;
      readonly outputs: Readonly<Record<string, string>>;
    };
  };
  readonly search: {
    readonly max_length: number;
    readonly past_present_share_buffer: boolean;
  } & Readonly<Record<string, unknown>>;
}

/** Model types that are loaded as a decoder of text; this architecture's own is not one. */
const decoderTypes: readonly string[] = ['decoder', 'llama', 'gemma', 'phi', 'qwen2'];

/** Reads a config; throws on what the runtime refuses. */
export function readGenaiConfig(text: string): GenaiConfig {
  const root: unknown = JSON.parse(text);
  check(root, known, 'config');
  const config = root as GenaiConfig;
  if (!decoderTypes.includes(config.model.type)) throw new Error(`type ${config.model.type}`);
  if (config.model.context_length < 1) throw new Error('context_length');
  if (/^[/\\]|(?:^|\/)\.\.(?:\/|$)/.test(config.model.decoder.filename))
    throw new Error('filename');
  return config;
}

function check(value: unknown, expected: Known, at: string): void {
  if (typeof value !== 'object' || value === null) throw new Error(`${at} is no object`);
  for (const [name, member] of Object.entries(value)) {
    const kind = expected[name];
    const where = `${at}.${name}`;
    if (kind === undefined) throw new Error(`${where} is unknown`);
    if (typeof kind === 'string') {
      if (!fits(member, kind)) throw new Error(`${where} is no ${kind}`);
    } else if (Array.isArray(kind)) {
      if (!Array.isArray(member)) throw new Error(`${where} is no list`);
    } else check(member, kind as Known, where);
  }
}

function fits(value: unknown, kind: Kind): boolean {
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'flag') return typeof value === 'boolean';
  if (kind === 'number') return typeof value === 'number';
  if (kind === 'counts' && Array.isArray(value)) return value.every((item) => fits(item, 'count'));
  return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
}
