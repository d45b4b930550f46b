import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ToolkitError, type ErrorCode } from '../base/errors.ts';
import { maxConfigBytes } from '../base/limits.ts';
import { readConfig, type ReadConfig } from './read.ts';

const small = {
  model_type: 'modernbert-decoder',
  architectures: ['ModernBertDecoderForCausalLM'],
  transformers_version: '5.18.0',
  vocab_size: 512,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  max_position_embeddings: 512,
  pad_token_id: 3,
};

function read(fields: Readonly<Record<string, unknown>>): ReadConfig {
  return readConfig(JSON.stringify({ ...small, ...fields }));
}

function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

function errorOf(run: () => unknown): ToolkitError {
  const outcome = outcomeOf(run);
  if (outcome instanceof ToolkitError) return outcome;
  throw new Error('nothing was thrown on purpose', { cause: outcome });
}

test('fields that are left out have the defaults of transformers 5.18', () => {
  const { config, warnings } = readConfig(
    '{"model_type": "modernbert-decoder", "transformers_version": "5.18.0"}',
  );
  expect(warnings).toEqual([]);
  const { layers, ...rest } = config;
  expect(rest).toEqual({
    vocabSize: 50_368,
    hiddenSize: 768,
    intermediateSize: 1152,
    numHeads: 12,
    headDim: 64,
    maxPositions: 8192,
    normEps: 1e-5,
    normBias: false,
    attentionBias: false,
    mlpBias: false,
    classifierBias: false,
    decoderBias: true,
    hiddenActivation: 'gelu',
    classifierActivation: 'gelu',
    tieWordEmbeddings: true,
    padTokenId: 50_283,
    labels: ['LABEL_0', 'LABEL_1'],
    task: undefined,
  });
  expect(layers).toHaveLength(22);
  expect(layers.slice(0, 2)).toEqual([
    { type: 'full_attention', window: -1, ropeTheta: 160_000 },
    { type: 'sliding_attention', window: 64, ropeTheta: 10_000 },
  ]);
});

test('every field that changes the logits is read', () => {
  const { config } = read({
    norm_eps: 1e-3,
    norm_bias: true,
    attention_bias: true,
    mlp_bias: true,
    classifier_bias: true,
    decoder_bias: false,
    hidden_activation: 'silu',
    classifier_activation: 'relu2',
    tie_word_embeddings: false,
    head_dim: 16,
  });
  expect(config).toMatchObject({
    vocabSize: 512,
    hiddenSize: 64,
    intermediateSize: 96,
    numHeads: 4,
    headDim: 16,
    maxPositions: 512,
    padTokenId: 3,
    normEps: 1e-3,
    normBias: true,
    attentionBias: true,
    mlpBias: true,
    classifierBias: true,
    decoderBias: false,
    hiddenActivation: 'silu',
    classifierActivation: 'relu2',
    tieWordEmbeddings: false,
    task: 'text-generation',
  });
});

const cases = new URL('../../golden/', import.meta.url);
const folders = readdirSync(cases, { withFileTypes: true }).filter((entry) => entry.isDirectory());

test.each(folders.map(({ name }) => name))('the config of golden/%s is read', (name) => {
  const { config } = readConfig(readFileSync(new URL(`${name}/config.json`, cases), 'utf8'));
  const { task } = JSON.parse(readFileSync(new URL(`${name}/case.json`, cases), 'utf8'));
  expect(config.task).toBe(task);
});

test('a decoder of the Ettin family is read without a warning', () => {
  const { config, warnings } = read({
    transformers_version: '4.54.0.dev0',
    torch_dtype: 'float32',
    max_position_embeddings: 7999,
    local_attention: 128,
    global_rope_theta: 160_000,
    local_rope_theta: 160_000,
    layer_types: ['full_attention', 'sliding_attention', 'sliding_attention', 'full_attention'],
    layer_norm_eps: 1e-5,
    classifier_pooling: 'mean',
    is_causal: true,
    position_embedding_type: 'absolute',
    causal_mask: true,
    cls_token_id: 1,
  });
  expect(warnings).toEqual([]);
  expect(config.layers.map(({ window }) => window)).toEqual([-1, 64, 64, -1]);
  expect(config.layers.map(({ ropeTheta }) => ropeTheta)).toEqual(Array(4).fill(160_000));
});

test('bare NaN and Infinity in fields that nothing reads are passed over', () => {
  const text = JSON.stringify(small).replace('{', '{"time_step_limit": [0.0, Infinity, NaN], ');
  expect(readConfig(text).raw.get('time_step_limit')).toEqual([0, Infinity, Number.NaN]);
});

test('fields are handed on as the file has them, odd names included', () => {
  const { raw } = readConfig(JSON.stringify(small).replace('{', '{"__proto__": {"polluted": 1}, '));
  expect(raw.get('__proto__')).toEqual(new Map([['polluted', 1]]));
  expect(raw.get('vocab_size')).toBe(512);
});

const notAConfig: readonly (readonly [string, string, ErrorCode])[] = [
  ['nothing', '', 'JSON_SYNTAX'],
  ['words', 'not JSON', 'JSON_SYNTAX'],
  ['a list', '[]', 'CONFIG_INVALID'],
  ['null', 'null', 'CONFIG_INVALID'],
  ['a byte order mark', `\u{feff}${JSON.stringify(small)}`, 'JSON_SYNTAX'],
  ['a field twice', '{"model_type": "a", "model_type": "b"}', 'JSON_DUPLICATE_KEY'],
  ['eleven megabytes', ' '.repeat(maxConfigBytes + 1), 'FILE_TOO_LARGE'],
];

test.each(notAConfig)('a file that holds %s is refused', (_, text, code) => {
  expect(errorOf(() => readConfig(text)).code).toBe(code);
});

const sizes = [
  'vocab_size',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'max_position_embeddings',
];
const badSizes = [0, -1, 1e12, 2.5, '64', null, true, [], {}];

test.each(sizes)('%s has to be a whole number in range', (field) => {
  for (const value of badSizes) {
    const error = errorOf(() => read({ [field]: value }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.where).toEqual({ field, value: JSON.stringify(value) });
  }
});

const malformed: readonly (readonly [string, unknown])[] = [
  ['num_attention_heads', 5],
  ['norm_eps', null],
  ['norm_eps', '1e-5'],
  ['norm_eps', -1],
  ['norm_bias', 1],
  ['attention_bias', null],
  ['mlp_bias', 'false'],
  ['classifier_bias', 0],
  ['decoder_bias', null],
  ['tie_word_embeddings', null],
  ['use_cache', 1],
  ['hidden_activation', null],
  ['classifier_activation', 3],
  ['pad_token_id', null],
  ['pad_token_id', 512],
  ['pad_token_id', -513],
  ['bos_token_id', null],
  ['cls_token_id', null],
  ['sep_token_id', '2'],
  ['eos_token_id', 'end'],
  ['attention_dropout', 'x'],
  ['embedding_dropout', null],
  ['is_causal', 'no'],
  ['head_dim', '16'],
];

test.each(malformed)('%s %j is malformed', (field, value) => {
  const error = errorOf(() => read({ [field]: value }));
  expect(error.code).toBe('CONFIG_INVALID');
  expect(error.where['field']).toBe(field);
});

const unsupported: readonly (readonly [string, unknown])[] = [
  ['is_causal', false],
  ['is_causal', null],
  ['head_dim', 8],
  ['num_attention_heads', 64],
  ['hidden_activation', 'laplace'],
  ['classifier_activation', 'toString'],
  ['per_layer_config', { 0: { num_attention_heads: 2 } }],
  ['quantization_config', { quant_method: 'bitsandbytes' }],
];

test.each(unsupported)('%s %j would change the logits and is refused', (field, value) => {
  const error = errorOf(() => read({ [field]: value }));
  expect(error.code).toBe('UNSUPPORTED_CONFIG');
  expect(error.where['field']).toBe(field);
});

test('an end of text may be one id, several, or none', () => {
  for (const end of [2, [2, 3], null]) expect(read({ eos_token_id: end }).warnings).toEqual([]);
  expect(errorOf(() => read({ eos_token_id: [2, 'x'] })).where['field']).toBe('eos_token_id[1]');
});

test('a negative padding id is one that no token has', () => {
  const { config, warnings } = read({ pad_token_id: -1 });
  expect(config.padTokenId).toBe(-1);
  expect(warnings).toEqual([expect.stringContaining('pad_token_id')]);
});

test('the default padding id is held against the vocabulary too', () => {
  const { pad_token_id: _, ...without } = small;
  expect(errorOf(() => readConfig(JSON.stringify(without))).where).toMatchObject({
    field: 'pad_token_id',
    value: '50283',
  });
});

test('a norm_eps under the name of other models is warned about', () => {
  expect(read({ layer_norm_eps: 1e-5 }).warnings).toEqual([]);
  expect(read({ layer_norm_eps: 1e-12 }).warnings).toEqual([expect.stringContaining('norm_eps')]);
});

test('any value of any field gives a config or a typed error', () => {
  const names = [...Object.keys(small), 'local_attention', 'sliding_window', 'layer_types'];
  names.push('rope_parameters', 'rope_scaling', 'id2label', 'num_labels', 'auto_map', 'is_causal');
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 2 }), (name, value) => {
      const outcome = outcomeOf(() => read({ [name]: value }).config.layers.length > 0);
      return outcome === true || outcome instanceof ToolkitError;
    }),
    { numRuns: 1000 },
  );
});
