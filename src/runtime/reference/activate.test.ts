import fc from 'fast-check';
import { type Call, dims, floats, seeds, testStandard } from '../../../test/standard-call.ts';
import type { Tensor } from '../../base/tensors.ts';
import { float, string } from '../../ir/attributes.ts';
import type { Attributes } from '../../ir/graph.ts';
import { activationKernels } from './activate.ts';

const curve = (attributes: readonly Attributes[] = [{}]): fc.Arbitrary<Call> =>
  fc
    .record({ shape: dims(0, 3), seed: seeds, attributes: fc.constantFrom(...attributes) })
    .map(({ shape, seed, ...rest }) => ({ inputs: [floats(shape, seed)], ...rest }));

const clip = fc
  .record({ shape: dims(0, 3), seed: seeds, low: fc.boolean(), high: fc.boolean() })
  .map(({ shape, seed, low, high }) => {
    const bound = (value: number): Tensor => ({
      dtype: 'float32',
      shape: [],
      data: Float32Array.of(value),
    });
    return { inputs: [floats(shape, seed), low ? bound(-1.5) : null, high ? bound(2) : null] };
  });

testStandard(activationKernels, {
  Clip: clip,
  Elu: curve([{}, { alpha: float(0.5) }]),
  Gelu: curve([{}, { approximate: string('none') }, { approximate: string('tanh') }]),
  LeakyRelu: curve([{}, { alpha: float(0.5) }]),
  Relu: curve(),
  Sigmoid: curve(),
  Softplus: curve(),
  Tanh: curve(),
});
