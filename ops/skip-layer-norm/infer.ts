import type { TensorType } from '../../src/base/tensors.ts';
import { compatible, mergeDims } from '../../src/ir/dims.ts';
import { type Call, numberOf } from '../../src/op.ts';
import { bind, checkAttributes, checker, isHalfOrFloat } from '../bind.ts';

export function infer({ inputs, attributes }: Call): readonly TensorType[] {
  const op = 'SkipLayerNorm';
  const bound = bind(op, ['x', 'skip', 'gamma'], inputs, ['beta']);
  const { x, skip, gamma, beta = gamma } = bound;
  const check = checker(op, bound);
  checkAttributes(op, { epsilon: 'float' }, attributes);
  check(numberOf(attributes['epsilon']) >= 0, 'epsilon must not be negative');
  check(isHalfOrFloat(x), 'x must be float32 or float16', 'x');
  check(x.shape.length > 0, 'x must have an axis to normalize', 'x');
  check(skip.dtype === x.dtype, 'skip must have the dtype of x', 'skip', 'x');
  check(compatible(skip.shape, x.shape), 'skip must have the shape of x', 'skip', 'x');
  const row = x.shape.slice(-1);
  for (const [name, type] of [['gamma', gamma] as const, ['beta', beta] as const]) {
    check(type.dtype === x.dtype, `${name} must have the dtype of x`, name, 'x');
    const rule = `${name} must be as long as the last axis of x`;
    check(compatible(type.shape, row), rule, name, 'x');
  }
  const sum = { dtype: x.dtype, shape: mergeDims(x.shape, skip.shape, op) };
  return [sum, sum];
}
