import fc from 'fast-check';
import {
  type Call,
  type Shape,
  booleans,
  dims,
  floats,
  integers,
  seeds,
  shaped,
  testStandard,
} from '../../../test/standard-call.ts';
import type { Tensor } from '../../base/tensors.ts';
import { elementType, int } from '../../ir/attributes.ts';
import { arithmeticKernels } from './arithmetic.ts';

/** Shapes that broadcast against each other. */
const broadcasting = (count: number): fc.Arbitrary<readonly Shape[]> =>
  dims(0, 4, 0).chain((common) =>
    fc.array(
      fc
        .record({ from: fc.nat(common.length), flat: fc.array(fc.boolean(), { minLength: 4 }) })
        .map(({ from, flat }) =>
          common.slice(from).map((size, axis) => (flat[axis] === true ? 1 : size)),
        ),
      { minLength: count, maxLength: count },
    ),
  );

const operands = (
  count: number,
  make: (shape: Shape, seed: number) => Tensor,
): fc.Arbitrary<Call> =>
  fc
    .tuple(broadcasting(count), seeds)
    .map(([shapes, seed]) => ({ inputs: shapes.map((shape, i) => make(shape, seed + i)) }));

const binary = fc.oneof(operands(2, floats), operands(2, integers));

const mod = fc.oneof(
  operands(2, (shape, seed) => {
    const { data } = integers(shape, seed);
    return shaped(
      shape,
      Array.from(data as BigInt64Array, (value) => Number(value || 3n)),
    );
  }),
  operands(2, floats).map((call) => ({ ...call, attributes: { fmod: int(1) } })),
);

const where = fc.tuple(broadcasting(3), seeds).map(([[a = [], b = [], c = []], seed]) => ({
  inputs: [booleans(a, seed), floats(b, seed), floats(c, seed + 1)],
}));

const cast = fc
  .record({
    shape: dims(0, 3),
    seed: seeds,
    to: fc.constantFrom('float32', 'int64', 'int32', 'bool'),
    from: fc.constantFrom(floats, integers, booleans),
  } as const)
  .map(({ shape, seed, to, from }) => ({
    inputs: [from(shape, seed)],
    attributes: { to: elementType(to) },
  }));

const castLike = fc
  .record({ shape: dims(0, 3), seed: seeds, like: fc.constantFrom(floats, integers) })
  .map(({ shape, seed, like }) => ({ inputs: [floats(shape, seed), like([2], seed)] }));

testStandard(arithmeticKernels, {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Mod: mod,
  Max: fc.oneof(operands(3, floats), operands(1, integers), binary),
  Neg: fc.oneof(operands(1, floats), operands(1, integers)),
  Equal: binary,
  Where: where,
  Cast: cast,
  CastLike: castLike,
});
