// Rotary embedding of the queries and keys of all packed tokens, in place: a thread turns a pair of
// vectors. A decode step does without: its attention turns the one token itself.

import {
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
  store,
} from '../../src/wgsl.ts';
import {
  type AttentionShape,
  rotaryBindings,
  rotatedPair,
  tokensBinding,
  turn,
  widthsOf,
} from './kernel-shape.ts';

/** tokens, cos, sin, qkv → qkv with its queries and keys turned. */
export function rotate(shape: AttentionShape, limits: GpuLimits): Kernel {
  const { element } = shape;
  const { half, row, qkv } = widthsOf(shape);
  const threads = Math.min(limits.workgroupSize, 128);
  const bindings = [
    tokensBinding,
    ...rotaryBindings(shape),
    { name: 'qkv', access: 'read_write', element } as const,
  ];
  // q and k lie side by side and are 2 · row vectors: row pairs.
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let index = (${groupIndex}) * ${threads}u + thread;
  let token = index / ${row}u;
  if (token >= lengths.tokens) { return; }
  let pair = index % ${half}u;
  let start = token * ${qkv}u + (index % ${row}u) / ${half}u * ${2 * half}u;
  let slot = tokens[token].y;
    ${turn(shape, 'slot', 'pair')}
    ${rotatedPair(shape, { name: 'x', start: 'start', pair: 'pair' })}
  ${store(element, 'qkv', 'start + pair', 'x_low')}
  ${store(element, 'qkv', `start + ${half}u + pair`, 'x_high')}
}
`;
  return {
    name: 'rotate',
    wgsl,
    bindings,
    grid: ({ tokens }) => flatGrid(Math.ceil((tokens * row) / threads), limits),
  };
}
