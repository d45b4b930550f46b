// What follows a product while its result is in registers: bias, activation, gate, residual sum,
// and the store.

import { load, store, vectorsOf } from '../../src/wgsl.ts';
import { activationOf } from '../activations.ts';
import { columnsOf, type ProductShape } from './shape.ts';

/**
 * WGSL: `fn activate` where the shape needs it, and
 * `fn finish(row: u32, vector: u32, first: vec4<f32>[, second: vec4<f32>])`, which stores vector
 * `vector` of the columns written to row `row` of y; `second` is the other half of a gated product.
 */
export function epilogue(shape: ProductShape): string {
  const { outputs, output, bias, activation, gated, residual, weight, part } = shape;
  const added = shape.residualElement ?? shape.element;
  const pitch = vectorsOf(outputs);
  const columns = columnsOf(shape);
  const rest = columns % 4;
  // rows behind the last of a weight are no zeros but repeat it
  const kept = ['x', 'y', 'z', 'w'].map((name, i) => (i < rest ? `first.${name}` : '0.0'));
  const cut =
    weight.layout !== 'in-out' && rest !== 0
      ? `select(first, vec4(${kept.join(', ')}), vector == ${vectorsOf(columns) - 1}u)`
      : 'first';
  const biased = (half: number): string =>
    bias ? ` + ${load(bias, 'bias', `column + ${half * pitch}u`)}` : '';
  const activated = activation === undefined ? 'left' : 'activate(left)';
  const value = gated
    ? `${activated} * (second${biased(1)})`
    : `${activated}${residual ? ` + ${load(added, 'residual', 'place')}` : ''}`;
  return `${activation === undefined ? '' : activationOf(activation).wgsl}

fn finish(row: u32, vector: u32, first: vec4<f32>${gated ? ', second: vec4<f32>' : ''}) {
  let column = vector + ${(part?.first ?? 0) / 4}u;
  let place = row * ${pitch}u + column;
  let left = ${cut}${biased(0)};
  ${store(output, 'y', 'place', value)}
}`;
}
