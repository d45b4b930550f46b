import type { TensorType } from '../../src/base/tensors.ts';
import { type Call, textOf } from '../../src/op.ts';
import { activationOf } from '../activations.ts';
import { bind, checkAttributes, checker, isHalfOrFloat } from '../bind.ts';

export function infer({ inputs, attributes }: Call): readonly TensorType[] {
  const bound = bind('GeGLU', ['x'], inputs);
  const { x } = bound;
  const check = checker('GeGLU', bound);
  checkAttributes('GeGLU', { activation: 'string' }, attributes);
  activationOf(textOf(attributes['activation']));
  check(isHalfOrFloat(x), 'x must be float32 or float16', 'x');
  check(x.shape.length > 0, 'x must have an axis to halve', 'x');
  const width = x.shape.at(-1);
  check(typeof width !== 'number' || width % 2 === 0, 'the last axis of x must be even', 'x');
  const half = typeof width === 'number' ? width / 2 : null;
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), half] }];
}
