// Merges the parts of a decode step that was split: each part's sum of values counts by how far its
// maximum lies below the common one.

import {
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
  store,
} from '../../src/wgsl.ts';
import { type AttentionShape, lowest, rowsBinding, widthsOf } from './kernel-shape.ts';
import { partWidth } from './kernel-step-size.ts';

/** rows, partials → context. */
export function mergeSplits(shape: AttentionShape, limits: GpuLimits): Kernel {
  const { element } = shape;
  const { head, row } = widthsOf(shape);
  const threads = Math.min(limits.workgroupSize, 64);
  const width = partWidth(shape);
  const bindings = [
    rowsBinding,
    { name: 'partials', access: 'read', element: 'f32' },
    { name: 'context', access: 'read_write', element },
  ] as const;
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let index = (${groupIndex}) * ${threads}u + thread;
  if (index >= lengths.rows * ${row}u) { return; }
  let vector = index % ${head}u;
  let begin = index / ${head}u * lengths.splits * ${width}u;
  var top = ${lowest};
  for (var i = 0u; i < lengths.splits; i++) {
    top = max(top, partials[begin + i * ${width}u + ${head}u].x);
  }
  var all = 0.0;
  var out = vec4<f32>(0.0);
  for (var i = 0u; i < lengths.splits; i++) {
    let part = begin + i * ${width}u;
    let state = partials[part + ${head}u];
    let weight = exp2(state.x - top);
    all += weight * state.y;
    out += weight * partials[part + vector];
  }
  let place = rows[index / ${row}u].x * ${row}u + index % ${row}u;
  ${store(element, 'context', 'place', 'out / all')}
}
`;
  return {
    name: 'merge-splits',
    wgsl,
    bindings,
    grid: ({ rows }) => flatGrid(Math.ceil((rows * row) / threads), limits),
  };
}
