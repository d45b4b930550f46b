import fc from 'fast-check';
import {
  dims,
  floats,
  seeds,
  shaped,
  withAxis,
  testStandard,
} from '../../../test/standard-call.ts';
import { sizeOf } from '../../base/tensors.ts';
import { int } from '../../ir/attributes.ts';
import { gatherKernels } from './gather.ts';

const gather = withAxis.chain(({ shape, axis, seed }) =>
  dims(0, 2, 0).map((at) => {
    const size = shape.at(axis) ?? 1;
    const entries = Array.from(
      { length: sizeOf(at) },
      (_, i) => ((seed + 5 * i) % (2 * size)) - size,
    );
    return {
      inputs: [floats(shape, seed), shaped(at, entries)],
      attributes: { axis: int(axis) },
    };
  }),
);

const gatherNd = fc
  .record({
    shared: dims(0, 2),
    addressed: dims(1, 2),
    rest: dims(0, 2),
    each: fc.nat(3),
    seed: seeds,
  })
  .map(({ shared, addressed, rest, each, seed }) => {
    const at = [...shared, each, addressed.length];
    const entries = Array.from({ length: sizeOf(at) }, (_, i) => {
      const size = addressed[i % addressed.length] ?? 1;
      return ((seed + 5 * i) % (2 * size)) - size;
    });
    return {
      inputs: [floats([...shared, ...addressed, ...rest], seed), shaped(at, entries)],
      attributes: { batch_dims: int(shared.length) },
    };
  });

testStandard(gatherKernels, {
  Gather: gather,
  GatherND: gatherNd,
});
