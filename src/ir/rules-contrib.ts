// Rules of the ONNX Runtime operators that function bodies use.

import { mergeDims, ShapeError } from './dims.ts';
import { fact, intOf, need, type Rule, sameDType, shapeOf } from './facts.ts';

/** Packed query, key and value, with a cache and rotary tables. */
const groupQueryAttention: Rule = (node, facts) => {
  const [qkv, pastKey, pastValue] = [need(facts, 0), need(facts, 3), need(facts, 4)];
  const dtype = sameDType([qkv, pastKey, pastValue, need(facts, 7), need(facts, 8)]);
  if (need(facts, 5).type.dtype !== 'int32' || need(facts, 6).type.dtype !== 'int32') {
    throw new ShapeError('seqlens_k and total_sequence_length must be int32');
  }
  const heads = intOf(node, 'num_heads') + 2 * intOf(node, 'kv_num_heads');
  const [batch = null, sequence = null, width] = shapeOf(qkv);
  const cache = mergeDims(shapeOf(pastKey), shapeOf(pastValue), 'past_key and past_value');
  const headDim = cache[3];
  if (typeof width !== 'number' || typeof headDim !== 'number' || width !== heads * headDim) {
    throw new ShapeError(`${heads} heads of ${headDim} do not fill ${width}`);
  }
  const output = fact(dtype, [batch, sequence, intOf(node, 'num_heads') * headDim]);
  const present = fact(dtype, cache.with(2, null));
  return [output, present, present];
};

/** y, mean, inverse deviation, and the sum that was normalized. */
const skipLayerNormalization: Rule = (_, facts) => {
  const [x, skip, ...affine] = facts;
  const dtype = sameDType(facts);
  const dims = mergeDims(shapeOf(need([x], 0)), shapeOf(need([skip], 0)), 'input and skip');
  for (const part of affine) {
    if (part) mergeDims(shapeOf(part), dims.slice(-1), 'gamma and beta');
  }
  const row = fact('float32', [...dims.slice(0, -1), 1]);
  return [fact(dtype, dims), row, row, fact(dtype, dims)];
};

export const contribRules: Readonly<Record<string, Rule>> = {
  GroupQueryAttention: groupQueryAttention,
  SkipLayerNormalization: skipLayerNormalization,
};
