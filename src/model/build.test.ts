import { describe, expect, test } from 'vitest';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { readConfig } from '../config/read.ts';
import { checkGraph } from '../ir/check.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { printType } from '../ir/print.ts';
import { buildGraph, fusedRules } from './build.ts';

const fields = {
  model_type: 'modernbert-decoder',
  transformers_version: '5.18.0',
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 4,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  sliding_window: 8,
  pad_token_id: 3,
  id2label: { 0: 'no', 1: 'yes', 2: 'maybe' },
};

function configOf(changes: object = {}): ModernBertDecoderConfig {
  return readConfig(JSON.stringify({ ...fields, ...changes })).config;
}

function build(task: Task, changes: object = {}, options: object = {}): Graph {
  const graph = buildGraph(configOf(changes), {
    task,
    tied: true,
    numLogitsToKeep: true,
    ...options,
  });
  checkGraph(graph, fusedRules);
  return graph;
}

const print = (values: readonly Value[]): readonly string[] =>
  values.map(({ name, type }) => `${name}: ${printType(type)}`);

/** The first of what is the same for every layer. */
const firstLayer = ({ name }: Value): boolean => !/\.[1-9]\d*\./.test(name);

describe('a graph has the names that runtimes look for', () => {
  test('to generate text', () => {
    const { inputs, outputs } = build('text-generation');
    expect(print(inputs.filter(firstLayer))).toEqual([
      'input_ids: int64 batch_size×sequence_length',
      'attention_mask: int64 batch_size×total_sequence_length',
      'num_logits_to_keep: int64 scalar',
      'past_key_values.0.key: float32 batch_size×2×past_sequence_length×16',
      'past_key_values.0.value: float32 batch_size×2×past_sequence_length×16',
    ]);
    expect(print(outputs.filter(firstLayer))).toEqual([
      'logits: float32 batch_size×kept_length×96',
      'present.0.key: float32 batch_size×2×total_sequence_length×16',
      'present.0.value: float32 batch_size×2×total_sequence_length×16',
    ]);
    expect([inputs.length, outputs.length]).toEqual([3 + 2 * 4, 1 + 2 * 4]);
  });

  test('to generate text with all logits', () => {
    const { inputs, outputs } = build('text-generation', {}, { numLogitsToKeep: false });
    expect(inputs.map(({ name }) => name)).not.toContain('num_logits_to_keep');
    expect(print(outputs.slice(0, 1))).toEqual(['logits: float32 batch_size×sequence_length×96']);
  });

  test('to classify text', () => {
    const { inputs, outputs } = build('text-classification');
    expect(print([...inputs, ...outputs])).toEqual([
      'input_ids: int64 batch_size×sequence_length',
      'attention_mask: int64 batch_size×sequence_length',
      'logits: float32 batch_size×3',
    ]);
  });

  test('to extract features', () => {
    const { inputs, outputs } = build('feature-extraction');
    expect(print([...inputs, ...outputs])).toEqual([
      'input_ids: int64 batch_size×sequence_length',
      'attention_mask: int64 batch_size×sequence_length',
      'last_hidden_state: float32 batch_size×sequence_length×32',
    ]);
  });
});

describe('layers', () => {
  const attributesOf = (graph: Graph, name: string): readonly unknown[] =>
    graph.nodes
      .filter(({ op }) => op === 'FusedAttention')
      .map(({ attributes }) => {
        const attribute = attributes[name];
        return attribute?.kind === 'int' || attribute?.kind === 'float'
          ? attribute.value
          : undefined;
      });

  test('see the window of their type', () => {
    expect(attributesOf(build('feature-extraction'), 'window')).toEqual([-1, 8, 8, -1]);
  });

  test('scale by their heads', () => {
    expect(attributesOf(build('feature-extraction'), 'scale')).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  test('share the rotary tables of a theta', () => {
    const tables = (graph: Graph): readonly string[] =>
      graph.initializers.map(({ name }) => name).filter((name) => name.startsWith('rotary'));
    expect(tables(build('feature-extraction'))).toEqual([
      'rotary.160000.cos',
      'rotary.160000.sin',
      'rotary.10000.cos',
      'rotary.10000.sin',
    ]);
    const one = { rope_theta: 5000, rope_type: 'default' };
    const same = { rope_parameters: { full_attention: one, sliding_attention: one } };
    expect(tables(build('feature-extraction', same))).toEqual([
      'rotary.5000.cos',
      'rotary.5000.sin',
    ]);
  });

  test('have a norm before attention, the first one left out', () => {
    const names = build('feature-extraction').initializers.map(({ name }) => name);
    expect(names.filter((name) => name.includes('attn_norm'))).toEqual(
      [1, 2, 3].map((index) => `layers.${index}.attn_norm.weight`),
    );
  });

  test('have biases where the config says so', () => {
    const biases = (changes: object): readonly string[] =>
      build('text-generation', { ...changes, num_hidden_layers: 1 })
        .initializers.map(({ name }) => name)
        .filter((name) => name.endsWith('.bias'));
    expect(biases({})).toEqual(['decoder.bias']);
    expect(biases({ decoder_bias: false })).toEqual([]);
    expect(biases({ decoder_bias: false, attention_bias: true })).toEqual([
      'layers.0.attn.Wqkv.bias',
      'layers.0.attn.Wo.bias',
    ]);
    expect(biases({ decoder_bias: false, mlp_bias: true })).toEqual([
      'layers.0.mlp.Wi.bias',
      'layers.0.mlp.Wo.bias',
    ]);
    expect(biases({ decoder_bias: false, norm_bias: true })).toEqual([
      'embeddings.norm.bias',
      'layers.0.mlp_norm.bias',
      'final_norm.bias',
      'lm_head.norm.bias',
    ]);
    expect(biases({ decoder_bias: false, classifier_bias: true })).toEqual(['lm_head.dense.bias']);
  });
});

test('a tied table is stored once, another one beside it', () => {
  const names = (tied: boolean): readonly string[] =>
    build('text-generation', {}, { tied })
      .initializers.filter(({ type }) => type.shape.join() === '96,32')
      .map(({ name }) => name);
  expect(names(true)).toEqual(['embeddings.tok_embeddings.weight']);
  expect(names(false)).toEqual(['embeddings.tok_embeddings.weight', 'decoder.weight']);
});

test.each([1, 2, 3, 7])('a model of %i layers keeps to the rules', (count) => {
  const graph = build('text-generation', { num_hidden_layers: count });
  expect(graph.nodes.filter(({ op }) => op === 'GeGLU')).toHaveLength(count);
});
