// Models as they are before their files are written: a config's graph for a task, in a dtype.

import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { readConfig } from '../src/config/read.ts';
import type { Graph, Model } from '../src/ir/graph.ts';
import { buildGraph, fusedRules } from '../src/model/build.ts';
import { half } from '../src/passes/half.ts';
import { forTarget } from '../src/passes/target.ts';

export interface ModelOptions {
  readonly task?: Task;
  readonly dtype?: 'fp32' | 'fp16';
}

/** The model of a config; its weights are recipes of no checkpoint. */
export function taskModel(config: ModernBertDecoderConfig, options: ModelOptions = {}): Model {
  const { task = 'text-generation', dtype = 'fp32' } = options;
  const tied = config.tieWordEmbeddings;
  const graph = buildGraph(config, { task, tied, numLogitsToKeep: true });
  return modelOf(dtype === 'fp16' ? half(fusedRules)(graph) : graph);
}

/** A graph as a model. */
export function modelOf(graph: Graph): Model {
  return forTarget(graph, 'portable', { producer: { name: 'test', version: '0' }, metadata: {} });
}

const shapes = {
  '150m': { hidden_size: 768, intermediate_size: 1152, num_hidden_layers: 22, heads: 12 },
  '1b': { hidden_size: 1792, intermediate_size: 3840, num_hidden_layers: 28, heads: 28 },
} as const;

/** The config of a published Ettin decoder. */
export function ettinConfig(size: keyof typeof shapes): ModernBertDecoderConfig {
  const { heads, ...shape } = shapes[size];
  return readConfig(
    JSON.stringify({
      architectures: ['ModernBertDecoderForCausalLM'],
      model_type: 'modernbert-decoder',
      vocab_size: 50_368,
      ...shape,
      num_attention_heads: heads,
      max_position_embeddings: 8192,
      local_attention: 128,
      global_attn_every_n_layers: 3,
      pad_token_id: 50_283,
      tie_word_embeddings: true,
    }),
  ).config;
}
