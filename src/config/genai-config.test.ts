import { describe, expect, test } from 'vitest';
import { genaiConfig } from './genai-config.ts';
import { readConfig } from './read.ts';

const shape = {
  architectures: ['ModernBertDecoderForCausalLM'],
  model_type: 'modernbert-decoder',
  vocab_size: 100,
  hidden_size: 64,
  num_attention_heads: 4,
  num_hidden_layers: 3,
  max_position_embeddings: 256,
  pad_token_id: 0,
};

interface Written {
  readonly model: Readonly<Record<string, unknown>>;
  readonly search: Readonly<Record<string, unknown>>;
}

function write(
  fields: object = {},
  generation: Readonly<Record<string, unknown>> = {},
  inPlace: boolean = true,
): Written {
  const { config, raw } = readConfig(JSON.stringify({ ...shape, ...fields }));
  const model = { file: 'onnx/model_q4.onnx', inPlace };
  return JSON.parse(genaiConfig({ config, fields: raw, generation }, model)) as Written;
}

describe('token ids', () => {
  test('are those of generation_config.json, then those of config.json', () => {
    const fields = { bos_token_id: 1, eos_token_id: 2, pad_token_id: 3 };
    expect(write(fields).model).toMatchObject(fields);
    expect(write(fields, { eos_token_id: 9, pad_token_id: null }).model).toMatchObject({
      bos_token_id: 1,
      eos_token_id: 9,
      pad_token_id: 3,
    });
  });

  test('may be several where a text ends', () => {
    expect(write({ eos_token_id: [2, 7] }).model['eos_token_id']).toEqual([2, 7]);
    expect(write({}, { eos_token_id: [2, 7] }).model['eos_token_id']).toEqual([2, 7]);
    expect(write({ eos_token_id: [2] }).model['eos_token_id']).toBe(2);
  });

  test.each([[100], [-1], [2.5], ['2'], [[100, 200]]])(
    'are left out where %j is no token of the vocabulary',
    (id) => {
      expect(write({}, { eos_token_id: id }).model).not.toHaveProperty('eos_token_id');
    },
  );

  test('are left out where config.json has null', () => {
    expect(write({ vocab_size: 50_368, eos_token_id: null }).model).not.toHaveProperty(
      'eos_token_id',
    );
  });

  test('are those of transformers where nothing names them and the vocabulary has them', () => {
    expect(write().model).not.toHaveProperty('bos_token_id');
    expect(write({ vocab_size: 50_368 }).model).toMatchObject({
      bos_token_id: 50_281,
      eos_token_id: 50_282,
      pad_token_id: 0,
    });
  });
});

test('the shape of the model and its file are named', () => {
  expect(write().model).toMatchObject({
    type: 'decoder',
    context_length: 256,
    vocab_size: 100,
    decoder: {
      filename: 'onnx/model_q4.onnx',
      head_size: 16,
      hidden_size: 64,
      num_attention_heads: 4,
      num_hidden_layers: 3,
      num_key_value_heads: 4,
    },
  });
});

describe('the search', () => {
  test('is what the makers recommend, as far as the runtime reads it', () => {
    const generation = { do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.9, min_p: 0.1 };
    const { search } = write({}, { ...generation, max_length: 20 });
    expect(search).toMatchObject({ do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.9 });
    expect(search).not.toHaveProperty('min_p');
    expect(search['max_length']).toBe(256);
  });

  test.each([true, false])('has one buffer of past and present where %s', (inPlace) => {
    expect(write({}, {}, inPlace).search['past_present_share_buffer']).toBe(inPlace);
  });

  test('is greedy where they say nothing, or what cannot be read', () => {
    const plain = write().search;
    expect(plain).toMatchObject({ do_sample: false, num_beams: 1, top_k: 50, temperature: 1 });
    expect(write({}, { do_sample: null, top_k: 2.5, temperature: 'hot' }).search).toEqual(plain);
  });
});
