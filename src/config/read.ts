// config.json → ModernBertDecoderConfig, with the values transformers 5.18 would compute with.
//
// What would give silently different logits is refused; what differs between transformers 4.x and
// 5.x is followed in its 5.x form, with a warning.

import { activations } from '../../ops/activations.ts';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { maxConfigBytes } from '../base/limits.ts';
import { readArchitecture } from './architecture.ts';
import {
  flag,
  integer,
  invalid,
  isObject,
  optionalInteger,
  real,
  sizeRange,
  text,
  unsupported,
  type Fields,
  type Range,
  type Warn,
} from './fields.ts';
import { readLabels } from './labels.ts';
import { readLayers } from './layers.ts';
import { checkForeign, checkUnread } from './unread.ts';

/** What a config.json says. */
export interface ReadConfig {
  readonly config: ModernBertDecoderConfig;
  /** Sentences for the user: what is not read, what transformers 4.x did otherwise. */
  readonly warnings: readonly string[];
  /** Every field as the file has it, to be written on. */
  readonly raw: Fields;
}

/** Float32 counts positions exactly up to here. */
const positionRange: Range = { min: 1, max: 2 ** 24 };
const epsilonRange: Range = { min: 0, max: Number.MAX_VALUE, says: 'zero or a positive number' };

/** Reads the text of a config.json. */
export function readConfig(json: string): ReadConfig {
  if (json.length > maxConfigBytes) {
    throw new ToolkitError(
      'FILE_TOO_LARGE',
      `config.json is larger than the ${maxConfigBytes} bytes allowed`,
      {
        where: { file: 'config.json', size: json.length },
      },
    );
  }
  const raw = parseJson(json, { nonFinite: true, what: 'config.json' });
  if (!isObject(raw)) {
    throw new ToolkitError('CONFIG_INVALID', 'config.json is malformed: an object is expected', {
      where: { file: 'config.json' },
    });
  }
  const warnings: string[] = [];
  const config = readFields(raw, (sentence) => void warnings.push(sentence));
  return { config, warnings, raw };
}

function readFields(fields: Fields, warn: Warn): ModernBertDecoderConfig {
  const task = readArchitecture(fields, warn);
  checkForeign(fields);
  checkUnread(fields, warn);
  const vocabSize = integer(fields, 'vocab_size', 50_368, sizeRange);
  return {
    vocabSize,
    ...readHeads(fields),
    intermediateSize: integer(fields, 'intermediate_size', 1152, sizeRange),
    layers: readLayers(fields, warn),
    maxPositions: integer(fields, 'max_position_embeddings', 8192, positionRange),
    normEps: real(fields, 'norm_eps', 1e-5, epsilonRange),
    normBias: flag(fields, 'norm_bias', false),
    attentionBias: flag(fields, 'attention_bias', false),
    mlpBias: flag(fields, 'mlp_bias', false),
    classifierBias: flag(fields, 'classifier_bias', false),
    decoderBias: flag(fields, 'decoder_bias', true),
    hiddenActivation: readActivation(fields, 'hidden_activation'),
    classifierActivation: readActivation(fields, 'classifier_activation'),
    tieWordEmbeddings: flag(fields, 'tie_word_embeddings', true),
    padTokenId: readPad(fields, vocabSize, warn),
    labels: readLabels(fields, warn),
    task,
  };
}

function readHeads(
  fields: Fields,
): Pick<ModernBertDecoderConfig, 'hiddenSize' | 'numHeads' | 'headDim'> {
  const hiddenSize = integer(fields, 'hidden_size', 768, sizeRange);
  const numHeads = integer(fields, 'num_attention_heads', 12, sizeRange);
  const headDim = hiddenSize / numHeads;
  if (!Number.isInteger(headDim)) {
    throw invalid(
      'num_attention_heads',
      numHeads,
      `hidden_size ${hiddenSize} has to be a multiple of it`,
    );
  }
  if (headDim % 2 !== 0) {
    throw unsupported(
      'num_attention_heads',
      numHeads,
      `its heads of ${headDim} are odd: the rotary embedding turns pairs, and transformers fails on them`,
    );
  }
  const named = optionalInteger(fields, 'head_dim', sizeRange);
  if (named !== undefined && named !== headDim) {
    throw unsupported(
      'head_dim',
      named,
      `attention uses hidden_size / num_attention_heads = ${headDim}, and only the rotary embedding would use this one`,
    );
  }
  return { hiddenSize, numHeads, headDim };
}

function readActivation(fields: Fields, field: string): string {
  const name = text(fields, field, 'gelu');
  if (activations.has(name)) return name;
  const known = [...activations.keys()].join(', ');
  throw unsupported(field, name, `the activations that are known are ${known}`);
}

/** Padding is looked up in the embedding, where a negative id counts from the end. */
function readPad(fields: Fields, vocabSize: number, warn: Warn): number {
  const range = { min: -vocabSize, max: vocabSize - 1 };
  const pad = integer(fields, 'pad_token_id', 50_283, { min: -(2 ** 31), max: 2 ** 31 - 1 });
  if (pad < range.min || pad > range.max) {
    throw invalid('pad_token_id', pad, `an id of the vocabulary of ${vocabSize} is expected`);
  }
  if (pad < 0) warn(`no token has the id ${pad} of pad_token_id: a classifier reads the last one`);
  return pad;
}
