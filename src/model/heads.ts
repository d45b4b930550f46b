// What is read from the hidden states: next-token logits, class logits, or the states themselves.

import { activationOf } from '../../ops/activations.ts';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { int } from '../ir/attributes.ts';
import type { Builder } from '../ir/builder.ts';
import { tokenTable } from './decoder.ts';
import { layerNorm, linear, storedWeight } from './layers.ts';
import { gatherRows, type Rolled, unroll } from './padding.ts';

/** Beyond any position: an open end for Slice. */
const openEnd = 2 ** 62;

/** Logits over the vocabulary at the kept positions, [batch, kept, vocabulary]. */
export function languageHead(
  b: Builder,
  config: ModernBertDecoderConfig,
  { hidden, rolled }: { readonly hidden: string; readonly rolled: Rolled },
  { tied, numLogitsToKeep }: { readonly tied: boolean; readonly numLogitsToKeep: boolean },
): void {
  const { hiddenSize, vocabSize, decoderBias } = config;
  const positions = numLogitsToKeep ? keptPositions(b, rolled) : unroll(b, rolled);
  const kept = gatherRows(b, hidden, positions, 'kept'); // [batch, kept, hidden]
  const features = predictionHead(b, kept, 'lm_head', config);

  // Gemm reads the table as it is stored, [vocabulary, hidden], so a tied table is stored once.
  const flat = b.op('Reshape', [features, b.int64([-1, hiddenSize])], { as: 'flat_features' });
  const table = tied
    ? tokenTable
    : b.initializer(storedWeight('decoder.weight', [vocabSize, hiddenSize], 'decoder.weight'));
  const bias = decoderBias
    ? [b.initializer(storedWeight('decoder.bias', [vocabSize], 'decoder.bias'))]
    : [];
  const scores = b.op('Gemm', [flat, table, ...bias], {
    as: 'flat_logits',
    attributes: { transB: int(1) },
  });
  const shape = b.op('Concat', [b.op('Shape', [positions]), b.int64([vocabSize])], {
    as: 'logits_shape',
    attributes: { axis: int(0) },
  });
  b.op('Reshape', [scores, shape], { as: 'logits' });
}

/** Class logits at the last token that is not padding, [batch, labels]. */
export function classificationHead(
  b: Builder,
  config: ModernBertDecoderConfig,
  { hidden, rolled }: { readonly hidden: string; readonly rolled: Rolled },
): void {
  const isPad = b.op('Equal', ['input_ids', b.int64(config.padTokenId)], { as: 'is_pad' });
  const candidates = b.op('Where', [isPad, b.int64(0), rolled.positions]); // [batch, sequence]
  const last = b.op('ReduceMax', [candidates, b.int64([1])], {
    as: 'last_token',
    attributes: { keepdims: int(1) },
  }); // [batch, 1]
  const at = b.op('Mod', [b.op('Sub', [last, rolled.shift]), rolled.length], { as: 'pooled_at' });
  const pooled = b.op('GatherND', [hidden, at], {
    as: 'pooled',
    attributes: { batch_dims: int(1) },
  }); // [batch, hidden]
  const features = predictionHead(b, pooled, 'head', config);
  linear(
    b,
    features,
    {
      modules: ['classifier'],
      name: 'classifier',
      inputs: config.hiddenSize,
      outputs: config.labels.length,
      bias: config.classifierBias,
    },
    'logits',
  );
}

/** The hidden states in the caller's order, [batch, sequence, hidden]. */
export function featureHead(
  b: Builder,
  { hidden, rolled }: { readonly hidden: string; readonly rolled: Rolled },
): void {
  gatherRows(b, hidden, unroll(b, rolled), 'last_hidden_state');
}

/** The last `num_logits_to_keep` positions, all for 0, [batch, kept]. */
function keptPositions(b: Builder, rolled: Rolled): string {
  // transformers.js feeds a scalar, other runtimes a list of one: both become a list.
  const count = b.op('Reshape', ['num_logits_to_keep', b.int64([1])]);
  const start = b.op('Neg', [count]);
  return b.op('Slice', [unroll(b, rolled), start, b.int64([openEnd], 'open_end'), b.int64([1])], {
    as: 'kept_positions',
    type: { dtype: 'int64', shape: ['batch_size', 'kept_length'] },
  });
}

/** Dense, activation, norm. */
function predictionHead(
  b: Builder,
  x: string,
  name: string,
  config: ModernBertDecoderConfig,
): string {
  const { hiddenSize, classifierBias, classifierActivation, normBias, normEps } = config;
  const dense = linear(
    b,
    x,
    {
      modules: [`${name}.dense`],
      name: `${name}.dense`,
      inputs: hiddenSize,
      outputs: hiddenSize,
      bias: classifierBias,
    },
    `${name}.dense.out`,
  );
  const output = { gelu: 'node', as: `${name}.activated` } as const;
  const activated = activationOf(classifierActivation).nodes(b, dense, output);
  const norm = {
    module: `${name}.norm`,
    name: `${name}.norm`,
    width: hiddenSize,
    bias: normBias,
    epsilon: normEps,
  };
  return layerNorm(b, activated, norm, `${name}.out`);
}
