// Embeddings and decoder layers: from rolled ids to normalized hidden states.

import type { LayerConfig, ModernBertDecoderConfig } from '../base/config.ts';
import { float, int, string, tensor, constant } from '../ir/attributes.ts';
import type { Builder } from '../ir/builder.ts';
import { fusedDomain } from '../ir/graph.ts';
import { layerNorm, linear, type Norm, normWeights, storedWeight } from './layers.ts';
import type { Rolled } from './padding.ts';

/** Name of the token table, which a tied head shares. */
export const tokenTable = 'embeddings.tok_embeddings.weight';

/** Hidden states after the final norm, [batch, sequence, hidden], in rolled order. */
export function decoder(
  b: Builder,
  config: ModernBertDecoderConfig,
  rolled: Rolled,
  cached: boolean,
): string {
  const shape = [config.vocabSize, config.hiddenSize];
  const table = b.initializer(storedWeight(`model.${tokenTable}`, shape, tokenTable));
  const tokens = b.op('Gather', [table, rolled.ids], { as: 'token_embeddings' });
  const embedded = layerNorm(b, tokens, norm(config, 'embeddings.norm'), 'embeddings');
  const empty = cached ? undefined : emptyCache(b, config);
  let state = { sum: embedded, normed: embedded }; // layer 0 has no norm of its own
  for (const [index, layer] of config.layers.entries()) {
    state = decoderLayer(b, config, { index, layer, rolled, empty }, state);
  }
  return state.normed;
}

/** The residual stream before and after the next norm. */
interface State {
  readonly sum: string;
  readonly normed: string;
}

interface LayerPlace {
  readonly index: number;
  readonly layer: LayerConfig;
  readonly rolled: Rolled;
  /** A cache of no tokens, where the task keeps none. */
  readonly empty: string | undefined;
}

function decoderLayer(
  b: Builder,
  config: ModernBertDecoderConfig,
  place: LayerPlace,
  { sum, normed }: State,
): State {
  const { hiddenSize, intermediateSize, attentionBias, mlpBias } = config;
  const name = `layers.${place.index}`;
  const attended = attention(b, config, place, normed);
  const projected = linear(
    b,
    attended,
    {
      ...module(`${name}.attn.Wo`),
      inputs: hiddenSize,
      outputs: hiddenSize,
      bias: attentionBias,
    },
    `${name}.attn.out`,
  );
  const middle = skipNorm(b, sum, projected, norm(config, `${name}.mlp_norm`), `${name}.mlp`);
  const gates = linear(
    b,
    middle.normed,
    {
      ...module(`${name}.mlp.Wi`),
      inputs: hiddenSize,
      outputs: 2 * intermediateSize,
      bias: mlpBias,
    },
    `${name}.mlp.gates`,
  );
  const gated = b.op('GeGLU', [gates], {
    domain: fusedDomain,
    attributes: { activation: string(config.hiddenActivation) },
    as: `${name}.mlp.gated`,
  });
  const out = linear(
    b,
    gated,
    {
      ...module(`${name}.mlp.Wo`),
      inputs: intermediateSize,
      outputs: hiddenSize,
      bias: mlpBias,
    },
    `${name}.mlp.out`,
  );
  const next = place.index + 1;
  const last = next === config.layers.length;
  const nextNorm = norm(config, last ? 'final_norm' : `layers.${next}.attn_norm`);
  return skipNorm(b, middle.sum, out, nextNorm, last ? 'final' : `layers.${next}.attn`);
}

function attention(
  b: Builder,
  config: ModernBertDecoderConfig,
  { index, layer, rolled, empty }: LayerPlace,
  x: string,
): string {
  const { hiddenSize, numHeads, headDim, attentionBias } = config;
  const name = `layers.${index}.attn`;
  const qkv = linear(
    b,
    x,
    {
      modules: ['q_proj', 'k_proj', 'v_proj'].map((part) => `model.${name}.${part}`),
      name: `${name}.Wqkv`,
      inputs: hiddenSize,
      outputs: 3 * hiddenSize,
      bias: attentionBias,
    },
    `${name}.qkv`,
  ); // [batch, sequence, 3 · heads · headDim]
  const [pastKey, pastValue] = empty
    ? [empty, empty]
    : [`past_key_values.${index}.key`, `past_key_values.${index}.value`];
  const present = empty
    ? [`${name}.key`, `${name}.value`]
    : [`present.${index}.key`, `present.${index}.value`];
  const output = `${name}.context`;
  b.node(
    'FusedAttention',
    [qkv, pastKey, pastValue, rolled.seqlensK, rolled.total, ...rotaryTables(b, config, layer)],
    [output, ...present],
    {
      domain: fusedDomain,
      attributes: {
        num_heads: int(numHeads),
        scale: float(headDim ** -0.5),
        window: int(layer.window),
      },
    },
  );
  return output;
}

/** cos and sin of this layer's theta; layers of one theta share them. */
function rotaryTables(
  b: Builder,
  { maxPositions, headDim }: ModernBertDecoderConfig,
  { ropeTheta }: LayerConfig,
): readonly string[] {
  return (['cos', 'sin'] as const).map((fn) =>
    b.initializer({
      name: `rotary.${ropeTheta}.${fn}`,
      type: { dtype: 'float32', shape: [maxPositions, headDim / 2] },
      recipe: { kind: 'rotary', fn, theta: ropeTheta },
    }),
  );
}

/** sum = x + skip; normed = norm(sum). */
function skipNorm(b: Builder, x: string, skip: string, by: Norm, as: string): State {
  const [normed, sum] = [`${as}.normed`, `${as}.residual`];
  b.node('SkipLayerNorm', [x, skip, ...normWeights(b, by)], [normed, sum], {
    domain: fusedDomain,
    attributes: { epsilon: float(by.epsilon) },
  });
  return { sum, normed };
}

function emptyCache(b: Builder, { numHeads, headDim }: ModernBertDecoderConfig): string {
  const batch = b.op('Shape', ['input_ids'], { attributes: { start: int(0), end: int(1) } });
  const shape = b.op('Concat', [batch, b.int64([numHeads, 0, headDim])], {
    attributes: { axis: int(0) },
  });
  return b.op('ConstantOfShape', [shape], {
    as: 'no_cache',
    attributes: { value: tensor(constant('float32', [0])) },
  }); // [batch, heads, 0, headDim]
}

function norm({ hiddenSize, normBias, normEps }: ModernBertDecoderConfig, name: string): Norm {
  return { module: `model.${name}`, name, width: hiddenSize, bias: normBias, epsilon: normEps };
}

function module(name: string): { readonly modules: readonly string[]; readonly name: string } {
  return { modules: [`model.${name}`], name };
}
