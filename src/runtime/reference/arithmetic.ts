// Operators that work element by element on operands broadcast against each other.

import { sizeOf } from '../../base/tensors.ts';
import { type DType, dtypeOfElement } from '../../base/dtypes.ts';
import { ShapeError } from '../../ir/dims.ts';
import { intOf, isInteger } from '../../ir/facts.ts';
import { kernel, type Kernel, type Kernels, need } from './kernel.ts';
import { at, commonShape, sameDType, spread, type Value } from './value.ts';

type Fold = (a: number, b: number) => number;

const binary = (fold: Fold): Kernel =>
  kernel([], (inputs) => {
    const [a, b] = [need(inputs, 0), need(inputs, 1)];
    return zipped(sameDType(a, b), a, b, fold);
  });

const equal = kernel([], (inputs) => {
  const [a, b] = [need(inputs, 0), need(inputs, 1)];
  sameDType(a, b);
  return zipped('bool', a, b, (x, y) => Number(x === y));
});

const max = kernel([], (inputs) =>
  inputs
    .map((_, index) => need(inputs, index))
    .reduce((a, b) => zipped(sameDType(a, b), a, b, Math.max)),
);

/** The remainder has the divisor's sign, or with `fmod` the dividend's. */
const mod = kernel(['fmod'], (inputs, node) => {
  const [a, b] = [need(inputs, 0), need(inputs, 1)];
  const dtype = sameDType(a, b);
  const truncated = intOf(node, 'fmod', 0) === 1;
  if (!truncated && !isInteger(dtype)) throw new ShapeError('floats need fmod');
  return zipped(dtype, a, b, truncated ? (x, y) => x % y : floored);
});

const neg = kernel([], (inputs) => {
  const x = need(inputs, 0);
  return { ...x, data: Float64Array.from(x.data, (value) => -value) };
});

const where = kernel([], (inputs) => {
  const [condition, yes, no] = [need(inputs, 0), need(inputs, 1), need(inputs, 2)];
  if (condition.dtype !== 'bool') throw new ShapeError('the condition must be bool');
  const dtype = sameDType(yes, no);
  const shape = commonShape(condition, yes, no);
  const chosen = spread(condition, shape);
  const [left, right] = [spread(yes, shape), spread(no, shape)];
  const data = Float64Array.from(chosen, (bit, i) => at(bit ? left : right, i));
  return { dtype, shape, data };
});

const cast = kernel(['to'], (inputs, node) => {
  const to = intOf(node, 'to');
  const dtype = dtypeOfElement(to);
  if (!dtype) throw new ShapeError(`a cast to type ${to}`);
  return converted(need(inputs, 0), dtype);
});

const castLike = kernel([], (inputs) => converted(need(inputs, 0), need(inputs, 1).dtype));

export const arithmeticKernels: Kernels = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Mod: mod,
  Max: max,
  Neg: neg,
  Equal: equal,
  Where: where,
  Cast: cast,
  CastLike: castLike,
};

function zipped(dtype: DType, a: Value, b: Value, fold: Fold): Value {
  const shape = commonShape(a, b);
  const [left, right] = [spread(a, shape), spread(b, shape)];
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = fold(at(left, i), at(right, i));
  return { dtype, shape, data };
}

function floored(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Between floats nothing is rounded: the reference is what the weights mean without rounding. */
function converted({ dtype: from, shape, data }: Value, dtype: DType): Value {
  if (dtype === 'bool') return { dtype, shape, data: data.map((value) => Number(value !== 0)) };
  const whole = isInteger(dtype) || dtype === 'uint8';
  const rounds = whole && !isInteger(from);
  return { dtype, shape, data: rounds ? data.map(Math.trunc) : data };
}
