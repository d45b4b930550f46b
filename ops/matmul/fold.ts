// The inner step of every product: four columns of a weight times four elements of a row of x.

import type { ProductWeight } from './shape.ts';

/**
 * WGSL: `fold(sum: vec4<f32>, x: vec4<f32>, a, b, c, d: vec4<f32>) -> vec4<f32>`. Of an in-out weight,
 * a to d are four of its rows, one for each element of x; of others they are four of its columns.
 * Written as sixteen multiply-adds, whatever a compiler makes of dot products.
 */
export function foldOf(layout: ProductWeight['layout']): string {
  const term = (name: string): string =>
    layout === 'in-out'
      ? ({ x: 'a', y: 'b', z: 'c', w: 'd' }[name] ?? '')
      : `vec4(a.${name}, b.${name}, c.${name}, d.${name})`;
  const terms = ['x', 'y', 'z', 'w'].map((name) => `x.${name} * ${term(name)}`);
  return `
fn fold(
  sum: vec4<f32>,
  x: vec4<f32>,
  a: vec4<f32>,
  b: vec4<f32>,
  c: vec4<f32>,
  d: vec4<f32>,
) -> vec4<f32> {
  return sum + ${terms.join(' + ')};
}`;
}
