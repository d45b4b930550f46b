import fc from 'fast-check';
import { floats, int64, integers, withAxis, testStandard } from '../../../test/standard-call.ts';
import { int } from '../../ir/attributes.ts';
import { reduceKernels } from './reduce.ts';

const reduce = withAxis.chain(({ shape, axis, seed }) =>
  fc
    .record({ keep: fc.nat(1), all: fc.boolean(), make: fc.constantFrom(floats, integers) })
    .map(({ keep, all, make }) => ({
      inputs: [make(shape, seed), ...(all ? [] : [int64(axis)])],
      attributes: { keepdims: int(keep) },
    })),
);

const argMax = withAxis.chain(({ shape, axis, seed }) =>
  fc.tuple(fc.nat(1), fc.constantFrom(floats, integers)).map(([keep, make]) => ({
    inputs: [make(shape, seed)],
    attributes: { axis: int(axis), keepdims: int(keep) },
  })),
);

testStandard(reduceKernels, {
  ReduceSum: reduce,
  ReduceMax: reduce,
  ArgMax: argMax,
});
