// Rules of operators that work element by element, with broadcasting.

import { dtypeOfElement } from '../base/dtypes.ts';
import type { Dim } from '../base/tensors.ts';
import { broadcast, ShapeError } from './dims.ts';
import { type Fact, fact, intOf, need, type Rule, sameDType, shapeOf } from './facts.ts';

type Fold = (a: number, b: number) => number;

/** Same type as the input; integer entries are folded where the operator has a meaning for them. */
const unary =
  (fold?: (a: number) => number): Rule =>
  (_, facts) => {
    const x = need(facts, 0);
    const entries = fold && x.entries?.map((dim) => (typeof dim === 'number' ? fold(dim) : null));
    return [fact(x.type.dtype, shapeOf(x), entries)];
  };

const binary =
  (fold?: Fold, neutral?: number): Rule =>
  (_, facts) => {
    const [a, b] = [need(facts, 0), need(facts, 1)];
    const dtype = sameDType([a, b]);
    return [
      fact(dtype, broadcast(shapeOf(a), shapeOf(b)), fold && foldEntries(a, b, fold, neutral)),
    ];
  };

/** Any number of inputs: Max, Min. */
const variadic =
  (fold: Fold): Rule =>
  (node, facts) =>
    facts
      .slice(1)
      .reduce<readonly Fact[]>(
        ([left], right) => binary(fold)(node, [left, right]),
        [need(facts, 0)],
      );

const compare: Rule = (_, facts) => {
  const [a, b] = [need(facts, 0), need(facts, 1)];
  sameDType([a, b]);
  return [fact('bool', broadcast(shapeOf(a), shapeOf(b)))];
};

const logical: Rule = (_, facts) => {
  if (sameDType(facts) !== 'bool') throw new ShapeError('inputs must be bool');
  return [facts.map((value) => need([value], 0)).reduce((a, b) => joined(a, b))];
};

const where: Rule = (_, facts) => {
  const [condition, yes, no] = [need(facts, 0), need(facts, 1), need(facts, 2)];
  if (condition.type.dtype !== 'bool') throw new ShapeError('the condition must be bool');
  const dtype = sameDType([yes, no]);
  return [fact(dtype, broadcast(shapeOf(condition), broadcast(shapeOf(yes), shapeOf(no))))];
};

/** Min and max bounds come as optional inputs. */
const clip: Rule = (_, facts) => {
  sameDType(facts);
  return [fact(need(facts, 0).type.dtype, shapeOf(need(facts, 0)))];
};

const cast: Rule = (node, facts) => {
  const x = need(facts, 0);
  const dtype = dtypeOfElement(intOf(node, 'to'));
  if (!dtype) throw new ShapeError(`a cast to type ${intOf(node, 'to')}`);
  return [fact(dtype, shapeOf(x), x.entries)];
};

const castLike: Rule = (_, facts) => [
  fact(need(facts, 1).type.dtype, shapeOf(need(facts, 0)), need(facts, 0).entries),
];

function joined(a: Fact, b: Fact): Fact {
  return fact(a.type.dtype, broadcast(shapeOf(a), shapeOf(b)));
}

function foldEntries(a: Fact, b: Fact, fold: Fold, neutral?: number): readonly Dim[] | undefined {
  if (!a.entries || !b.entries) return undefined;
  const [left, right] = [a.entries, b.entries];
  const length = Math.max(left.length, right.length);
  if (left.length !== length && left.length !== 1) return undefined;
  if (right.length !== length && right.length !== 1) return undefined;
  return Array.from({ length }, (_, i) => {
    const x = left[left.length === 1 ? 0 : i] ?? null;
    const y = right[right.length === 1 ? 0 : i] ?? null;
    if (typeof x === 'number' && typeof y === 'number') return fold(x, y);
    if (y === neutral) return x;
    return null;
  });
}

const plain = unary();

export const elementwiseRules: Readonly<Record<string, Rule>> = {
  Identity: unary((a) => a),
  Neg: unary((a) => -a),
  Abs: unary(Math.abs),
  Erf: plain,
  Tanh: plain,
  Sigmoid: plain,
  Relu: plain,
  Gelu: plain,
  Elu: plain,
  LeakyRelu: plain,
  Softplus: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Clip: clip,
  Add: binary((a, b) => a + b, 0),
  Sub: binary((a, b) => a - b, 0),
  Mul: binary((a, b) => a * b, 1),
  Div: binary(undefined, 1),
  Mod: binary(),
  Pow: binary(),
  BitShift: binary(),
  BitwiseAnd: binary(),
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Equal: compare,
  Less: compare,
  LessOrEqual: compare,
  Greater: compare,
  GreaterOrEqual: compare,
  And: logical,
  Not: logical,
  Where: where,
  Cast: cast,
  CastLike: castLike,
};
