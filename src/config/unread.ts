// Fields that leave the logits alone, or would change them in a way nothing else here reads.

import {
  flag,
  integer,
  integerOf,
  invalid,
  isObject,
  show,
  unsupported,
  type Fields,
  type Range,
  type Warn,
} from './fields.ts';

const idRange: Range = { min: -(2 ** 31), max: 2 ** 31 - 1 };

/** Checks the types of fields that only training and generation read, as transformers 5 does. */
export function checkUnread(fields: Fields, warn: Warn): void {
  for (const name of ['bos_token_id', 'cls_token_id', 'sep_token_id']) {
    integer(fields, name, 0, idRange);
  }
  checkEnd(fields);
  for (const name of [
    'attention_dropout',
    'embedding_dropout',
    'mlp_dropout',
    'classifier_dropout',
    'initializer_range',
    'initializer_cutoff_factor',
  ]) {
    const value = fields.get(name) ?? (fields.has(name) ? null : 0);
    if (typeof value !== 'number') throw invalid(name, value, 'a number is expected');
  }
  flag(fields, 'use_cache', true);

  const epsilon = fields.get('layer_norm_eps') ?? null;
  if (epsilon !== null && epsilon !== (fields.get('norm_eps') ?? 1e-5)) {
    warn(`layer_norm_eps ${show(epsilon)} is not read by this architecture: norm_eps is`);
  }
}

function checkEnd(fields: Fields): void {
  const end = fields.get('eos_token_id') ?? null;
  if (end === null) return;
  if (!Array.isArray(end)) {
    integerOf(end, 'eos_token_id', idRange);
    return;
  }
  end.forEach((id, index) => integerOf(id, `eos_token_id[${index}]`, idRange));
}

/** Refuses what would silently give other logits. */
export function checkForeign(fields: Fields): void {
  const causal = fields.get('is_causal') ?? (fields.has('is_causal') ? null : true);
  if (causal === false || causal === null) {
    throw unsupported(
      'is_causal',
      causal,
      'transformers 5 then lets every token see those after it, and the graph is causal',
    );
  }
  if (causal !== true) throw invalid('is_causal', causal, 'true or false is expected');

  const overrides = fields.get('per_layer_config') ?? null;
  if (overrides !== null && !(isObject(overrides) && overrides.size === 0)) {
    throw unsupported(
      'per_layer_config',
      overrides,
      'layers of different shapes are not supported: the graph has one shape for all',
    );
  }
  const quantization = fields.get('quantization_config') ?? null;
  if (quantization !== null) {
    throw unsupported(
      'quantization_config',
      quantization,
      'the weights are quantized already; convert the checkpoint they were made from',
    );
  }
}
