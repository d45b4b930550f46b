// Puts the keys and values of all packed tokens into their slots of the cache, after attention: a
// ring of exactly `window` slots still holds what the first of these tokens saw. Of tokens that
// would share a slot of the ring only the last is written, so no two threads write one place.

import {
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
} from '../../src/wgsl.ts';
import {
  type AttentionShape,
  cacheBindings,
  rowsBinding,
  slotStart,
  tokensBinding,
  widthsOf,
} from './kernel-shape.ts';

/** rows, tokens, qkv (rotated) → keys, values. */
export function writeCache(shape: AttentionShape, limits: GpuLimits): Kernel {
  const { window, element } = shape;
  const { row, qkv } = widthsOf(shape);
  const threads = Math.min(limits.workgroupSize, 128);
  const bindings = [
    rowsBinding,
    tokensBinding,
    { name: 'qkv', access: 'read', element } as const,
    ...cacheBindings(shape, 'read_write'),
  ];
  const overwritten = window < 0 ? '' : `if (slot + ${window}u < row.y + row.z) { return; }`;
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let index = (${groupIndex}) * ${threads}u + thread;
  let token = index / ${row}u;
  if (token >= lengths.tokens) { return; }
  let vector = index % ${row}u;
  let slot = tokens[token].y;
  let row = rows[tokens[token].x];
  ${overwritten}
  let source = token * ${qkv}u + ${row}u + vector;
  let place = ${slotStart(shape, 'slot', 'row.w')} + vector;
  keys[place] = qkv[source];
  values[place] = qkv[source + ${row}u];
}
`;
  return {
    name: 'write-cache',
    wgsl,
    bindings,
    grid: ({ tokens }) => flatGrid(Math.ceil((tokens * row) / threads), limits),
  };
}
