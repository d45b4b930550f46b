// The shapes that products are drawn from. Compiling takes longer than running, so there are few.

import fc from 'fast-check';
import type { Element } from '../src/wgsl.ts';
import type { ProductShape, ProductWeight } from '../ops/matmul/shape.ts';

/** One weight of every layout and way of keeping numbers. */
export function weightsOf(elements: readonly Element[]): fc.Arbitrary<ProductWeight> {
  const element = fc.constantFrom(...elements);
  return fc.oneof(
    fc.record({ layout: fc.constant('in-out' as const), element }),
    fc.record({ layout: fc.constant('out-in' as const), element }),
    fc.record({
      layout: fc.constant('blocks' as const),
      bits: fc.constantFrom(4 as const, 8 as const),
      blockSize: fc.constantFrom(16, 32, 64, 128),
      zeroPoints: fc.boolean(),
      scale: element,
    }),
  );
}

/** Shapes with every kind of epilogue; small ones more often than large ones. */
export function shapesOf(elements: readonly Element[]): fc.Arbitrary<ProductShape> {
  const element = fc.constantFrom(...elements);
  const common = {
    inputs: fc.constantFrom(48, 64, 70, 128, 192, 768),
    weight: weightsOf(elements),
    element,
    output: element,
    bias: fc.option(element, { nil: undefined }),
    count: fc.constantFrom('tokens' as const, 'kept' as const),
  };
  const activation = fc.constantFrom(undefined, 'gelu', 'silu');
  return fc.oneof(
    fc.record({
      ...common,
      outputs: fc.constantFrom(3, 64, 192, 389),
      gated: fc.constant(false),
      activation,
      residual: fc.constant(false),
    }),
    fc.record({
      ...common,
      outputs: fc.constantFrom(3, 64, 192, 389),
      gated: fc.constant(false),
      residual: fc.constant(true),
    }),
    fc.record({
      ...common,
      outputs: fc.constantFrom(48, 64, 192),
      gated: fc.constant(true),
      activation,
      residual: fc.constant(false),
    }),
  );
}

/** How far a result of the shape may stray, in parts of 1 + |expected|. */
export function toleranceOf({ output }: ProductShape): number {
  return output === 'f32' ? 2e-5 : 1e-3;
}
