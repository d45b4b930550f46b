// config → graph: one graph for every target; what a target chooses are the fused operators' bodies.

import { ops } from '../../ops/index.ts';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { Dim } from '../base/tensors.ts';
import { Builder } from '../ir/builder.ts';
import { finish } from '../ir/finish.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';
import { decoder } from './decoder.ts';
import { classificationHead, featureHead, languageHead } from './heads.ts';
import { roll } from './padding.ts';

export interface GraphOptions {
  readonly task: Task;
  /** Whether the vocabulary projection is the token table. */
  readonly tied: boolean;
  /** Whether the graph has the input num_logits_to_keep. */
  readonly numLogitsToKeep: boolean;
}

/** How the fused operators type their outputs, by name. */
export const fusedRules: ReadonlyMap<string, FusedRule> = new Map(
  [...ops].map(([name, op]) => [name, op.infer]),
);

/** The float32 graph of a model for a task. */
export function buildGraph(config: ModernBertDecoderConfig, options: GraphOptions): Graph {
  const { task, tied, numLogitsToKeep } = options;
  const cached = task === 'text-generation';
  const b = new Builder();
  const rolled = roll(b, cached);
  const hidden = decoder(b, config, rolled, cached);
  if (task === 'text-generation') {
    languageHead(b, config, { hidden, rolled }, { tied, numLogitsToKeep });
  } else if (task === 'text-classification') {
    classificationHead(b, config, { hidden, rolled });
  } else {
    featureHead(b, { hidden, rolled });
  }
  return finish(
    'modernbert_decoder',
    b,
    graphInputs(config, options),
    graphOutputs(config, options),
    fusedRules,
  );
}

function graphInputs(
  config: ModernBertDecoderConfig,
  { task, numLogitsToKeep }: GraphOptions,
): readonly Value[] {
  const cached = task === 'text-generation';
  const maskLength = cached ? 'total_sequence_length' : 'sequence_length';
  return [
    int64('input_ids', ['batch_size', 'sequence_length']),
    int64('attention_mask', ['batch_size', maskLength]),
    ...(cached && numLogitsToKeep ? [int64('num_logits_to_keep', [])] : []),
    ...(cached ? cacheValues(config, 'past_key_values', 'past_sequence_length') : []),
  ];
}

function graphOutputs(
  config: ModernBertDecoderConfig,
  { task, numLogitsToKeep }: GraphOptions,
): readonly Value[] {
  const { vocabSize, hiddenSize, labels } = config;
  switch (task) {
    case 'text-generation': {
      const kept = numLogitsToKeep ? 'kept_length' : 'sequence_length';
      return [
        float32('logits', ['batch_size', kept, vocabSize]),
        ...cacheValues(config, 'present', 'total_sequence_length'),
      ];
    }
    case 'text-classification':
      return [float32('logits', ['batch_size', labels.length])];
    case 'feature-extraction':
      return [float32('last_hidden_state', ['batch_size', 'sequence_length', hiddenSize])];
  }
}

/** Keys and values of every layer, [batch, heads, length, headDim]. */
function cacheValues(
  { layers, numHeads, headDim }: ModernBertDecoderConfig,
  prefix: string,
  length: string,
): readonly Value[] {
  return layers.flatMap((_, index) =>
    ['key', 'value'].map((part) =>
      float32(`${prefix}.${index}.${part}`, ['batch_size', numHeads, length, headDim]),
    ),
  );
}

const int64 = (name: string, shape: readonly Dim[]): Value => ({
  name,
  type: { dtype: 'int64', shape },
});

const float32 = (name: string, shape: readonly Dim[]): Value => ({
  name,
  type: { dtype: 'float32', shape },
});
