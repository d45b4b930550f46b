import type { Dim, TensorType } from '../../src/base/tensors.ts';
import { compatible, mergeDim } from '../../src/ir/dims.ts';
import { type Call, numberOf } from '../../src/op.ts';
import { bind, checkAttributes, checker, isHalfOrFloat } from '../bind.ts';

const names = ['qkv', 'past_key', 'past_value', 'seqlens_k', 'total', 'cos', 'sin'] as const;

export function infer({ inputs, attributes }: Call): readonly TensorType[] {
  const op = 'FusedAttention';
  const bound = bind(op, names, inputs);
  const { qkv, past_key: pastKey, past_value: pastValue, cos } = bound;
  const check = checker(op, bound);
  checkAttributes(op, { num_heads: 'int', scale: 'float', window: 'int' }, attributes);
  const heads = numberOf(attributes['num_heads']);
  const window = numberOf(attributes['window']);
  check(heads >= 1, `num_heads must be at least 1, not ${heads}`);
  check(window === -1 || window >= 1, `window must be -1 or at least 1, not ${window}`);
  checkDTypes(bound, check);

  const [columns] = cos.shape.slice(1);
  check(
    cos.shape.length === 2 && typeof columns === 'number' && columns > 0,
    'cos must be [positions, headDim / 2] with a known headDim',
    'cos',
  );
  const headDim = 2 * Number(columns);
  check(compatible(bound.sin.shape, cos.shape), 'sin must have the shape of cos', 'sin', 'cos');
  check(
    compatible(qkv.shape, [null, null, 3 * heads * headDim]),
    `qkv must be [batch, sequence, 3·${heads}·${headDim}]`,
    'qkv',
    'cos',
  );
  const [batch = null, sequence = null] = qkv.shape;
  const cache: readonly Dim[] = [batch, heads, null, headDim];
  for (const name of ['past_key', 'past_value'] as const) {
    const rule = `${name} must be [batch, ${heads}, past, ${headDim}]`;
    check(compatible(bound[name].shape, cache), rule, name, 'qkv', 'cos');
  }
  check(
    compatible(pastKey.shape, pastValue.shape),
    'past_key and past_value must be of one length',
    'past_key',
    'past_value',
  );
  check(
    compatible(bound.seqlens_k.shape, [batch]),
    'seqlens_k must be [batch]',
    'seqlens_k',
    'qkv',
  );
  check(bound.total.shape.length === 0, 'total must be a scalar', 'total');

  const past = mergeDim(pastKey.shape[2] ?? null, pastValue.shape[2] ?? null, op);
  const present = {
    dtype: qkv.dtype,
    // Without a past there are as many rows as tokens; else total decides, which is a value.
    shape: [batch, heads, past === 0 ? sequence : null, headDim],
  };
  return [{ dtype: qkv.dtype, shape: [batch, sequence, heads * headDim] }, present, present];
}

function checkDTypes(
  inputs: Readonly<Record<(typeof names)[number], TensorType>>,
  check: ReturnType<typeof checker<(typeof names)[number]>>,
): void {
  const { qkv, seqlens_k: seqlens, total } = inputs;
  check(isHalfOrFloat(qkv), 'qkv must be float32 or float16', 'qkv');
  for (const name of ['past_key', 'past_value', 'cos', 'sin'] as const) {
    check(inputs[name].dtype === qkv.dtype, `${name} must have the dtype of qkv`, name, 'qkv');
  }
  check(seqlens.dtype === 'int32', 'seqlens_k must be int32', 'seqlens_k');
  check(total.dtype === 'int32', 'total must be int32', 'total');
}
