import fc from 'fast-check';
import {
  dims,
  floats,
  int64,
  integers,
  scalar,
  seeds,
  withAxis,
  testStandard,
} from '../../../test/standard-call.ts';
import { sizeOf } from '../../base/tensors.ts';
import { constant, int, ints, tensor } from '../../ir/attributes.ts';
import { shapeKernels } from './shape.ts';

const constants = fc.tuple(dims(0, 2), seeds).map(([shape, seed]) => {
  const values = Array.from(integers(shape, seed).data, Number);
  return { inputs: [], attributes: { value: tensor(constant('int64', values, shape)) } };
});

const constantOfShape = fc.tuple(dims(0, 3, 0), fc.boolean()).map(([shape, filled]) => ({
  inputs: [int64(...shape)],
  attributes: filled ? { value: tensor(constant('int64', [7])) } : {},
}));

const shapeCalls = fc
  .record({
    shape: dims(1, 4, 0),
    start: fc.option(fc.integer({ min: -5, max: 5 })),
    end: fc.option(fc.integer({ min: -5, max: 5 })),
  })
  .map(({ shape, start, end }) => ({
    inputs: [floats(shape, 1)],
    attributes: {
      ...(start !== null && { start: int(start) }),
      ...(end !== null && { end: int(end) }),
    },
  }));

const reshape = fc
  .record({ shape: dims(2, 4), seed: seeds, way: fc.nat(3) })
  .map(({ shape, seed, way }) => {
    const [first = 1, ...rest] = shape;
    const targets = [[-1], [0, -1], [first * sizeOf(rest), 1], [first, 1, -1]];
    return { inputs: [floats(shape, seed), int64(...(targets[way] ?? []))] };
  });

const squeeze = fc
  .record({ shape: dims(1, 4), seed: seeds, named: fc.boolean(), back: fc.boolean() })
  .map(({ shape, seed, named, back }) => {
    const axes = shape.flatMap((size, axis) =>
      size === 1 ? [back ? axis - shape.length : axis] : [],
    );
    return { inputs: [floats(shape, seed), ...(named ? [int64(...axes)] : [])] };
  })
  // ONNX leaves open whether no axes are all of them.
  .filter(({ inputs }) => inputs[1]?.data.length !== 0);

const unsqueeze = fc
  .record({ shape: dims(0, 2), seed: seeds, axes: fc.constantFrom([0], [-1], [0, -1], [1, 0]) })
  .map(({ shape, seed, axes }) => ({ inputs: [floats(shape, seed), int64(...axes)] }));

const concat = withAxis.chain(({ shape, axis, seed }) =>
  fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }).map((lengths) => ({
    inputs: lengths.map((length, i) => floats(shape.with(axis, length), seed + i)),
    attributes: { axis: int(axis) },
  })),
);

const ends = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.constantFrom(2 ** 62, -(2 ** 62)));

const slice = withAxis.chain(({ shape, axis, seed }) =>
  fc
    .record({
      start: ends,
      end: ends,
      step: fc.constantFrom(1, 1, 2, 3, -1, -2),
      whole: fc.boolean(),
    })
    .map(({ start, end, step, whole }) => ({
      inputs: [
        floats(shape, seed),
        int64(start, ...(whole ? [1] : [])),
        int64(end, ...(whole ? [3] : [])),
        // two axes where there are two
        ...(whole ? [null, int64(step, 1)] : [int64(axis), int64(step)]),
      ],
    }))
    .filter(({ inputs }) => inputs[3] !== null || shape.length > 1),
);

const range = fc
  .tuple(
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -9, max: 9 }),
    fc.constantFrom(1, 2, -1, -3),
  )
  .map((entries) => ({ inputs: entries.map(scalar) }));

const transpose = dims(1, 4).chain((shape) =>
  fc
    .record({
      perm: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
      said: fc.boolean(),
      seed: seeds,
    })
    .map(({ perm, said, seed }) => ({
      inputs: [floats(shape, seed)],
      attributes: said ? { perm: ints(...perm) } : {},
    })),
);

testStandard(shapeKernels, {
  Constant: constants,
  ConstantOfShape: constantOfShape,
  Shape: shapeCalls,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Range: range,
});
