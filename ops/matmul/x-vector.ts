// Reading x: rows of elements in vectors of four. What lies behind the elements of a row is finite
// but not always zero, and where a kernel reads on behind the vectors there is nothing.

import { load, vectorsOf } from '../../src/wgsl.ts';
import type { ProductShape } from './shape.ts';

export interface Overrun {
  /** Whether the kernel asks for rows behind the last: it gets some row. */
  readonly rows: boolean;
  /** Whether it asks for vectors behind the end of a row: it gets zeros. */
  readonly vectors: boolean;
}

/** WGSL: `x_vector(row: u32, i: u32) -> vec4<f32>`, vector `i` of a row. */
export function xVector({ inputs, element, count }: ProductShape, overrun: Overrun): string {
  const vectors = vectorsOf(inputs);
  const last = `${vectors - 1}u`;
  const row = overrun.rows ? `min(row, lengths.${count} - 1u)` : 'row';
  const at = overrun.vectors ? `min(i, ${last})` : 'i';
  const tail = ['x', 'y', 'z', 'w'].map((name, i) => (i < inputs % 4 ? `value.${name}` : '0.0'));
  return `
fn x_vector(row: u32, i: u32) -> vec4<f32> {
  let place = ${row} * ${vectors}u + ${at};
  var value = ${load(element, 'x', 'place')};
  ${inputs % 4 === 0 ? '' : `if (i == ${last}) { value = vec4(${tail.join(', ')}); }`}
  ${overrun.vectors ? `if (i > ${last}) { value = vec4(0.0); }` : ''}
  return value;
}`;
}
