// Rules of the ONNX Runtime operators that function bodies and quantized graphs use.

import { type Dims, mergeDim, mergeDims, ShapeError } from './dims.ts';
import { type Fact, fact, intOf, need, type Rule, sameDType, shapeOf } from './facts.ts';

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

/** x · weightᵀ + bias; the weight's rows are blocks of codes with scales of x's dtype. */
const matMulNBits: Rule = (node, facts) => {
  const [x, scales, bias] = [need(facts, 0), need(facts, 2), facts[5]];
  const dtype = sameDType([x, scales, bias]);
  const [columns, rows] = [intOf(node, 'K'), intOf(node, 'N')];
  const blocks = blocksOf(node, need(facts, 1), facts[3]);
  mergeDims(blocks, [rows, Math.ceil(columns / intOf(node, 'block_size'))], 'codes');
  mergeDims(shapeOf(scales), blocks, 'scales and codes');
  mergeDim(shapeOf(x).at(-1) ?? null, columns, 'inner dimensions');
  if (bias) mergeDims(shapeOf(bias), [rows], 'bias');
  return [fact(dtype, [...shapeOf(x).slice(0, -1), rows])];
};

/** Rows and blocks of a tensor of codes, [rows, blocks, bytes of a block]. */
function blocksOf(node: Parameters<Rule>[0], codes: Fact, zeros: Fact | undefined): Dims {
  const [bits, blockSize] = [intOf(node, 'bits', 4), intOf(node, 'block_size')];
  if (codes.type.dtype !== 'uint8' || (zeros && zeros.type.dtype !== 'uint8')) {
    throw new ShapeError('codes and zero points must be uint8');
  }
  return mergeDims(shapeOf(codes), [null, null, (blockSize * bits) / 8], 'codes').slice(0, 2);
}

export const contribRules: Readonly<Record<string, Rule>> = {
  GroupQueryAttention: groupQueryAttention,
  MatMulNBits: matMulNBits,
  SkipLayerNormalization: skipLayerNormalization,
};
