// The largest logit of each row and its id: greedy decoding reads back one pair a row.

import { flatGrid, type GpuLimits, groupIndex, header, type Kernel } from '../../src/wgsl.ts';
import { mainParameters, vectorsOf } from '../../src/wgsl.ts';
import { ordered, rowThreads } from '../ordered-bits.ts';

export interface ArgmaxShape {
  /** Logits of a row. */
  readonly columns: number;
}

/** logits (f32) → best: pairs of the largest (f32 bits) and its lowest id; NaN only where all are. */
export function argmax({ columns }: ArgmaxShape, limits: GpuLimits): Kernel {
  const vectors = vectorsOf(columns);
  const bindings = [
    { name: 'logits', access: 'read', element: 'vec4<u32>' },
    { name: 'best', access: 'read_write', element: 'vec2<u32>' },
  ] as const;
  const wgsl = `${header(bindings)}
${ordered}

var<workgroup> found: array<vec2<u32>, ${rowThreads}>;

// of two logits as (ordered bits, id)
fn larger(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}

@compute @workgroup_size(${rowThreads})
fn main(
  ${mainParameters}
) {
  let row = ${groupIndex};
  if (row >= lengths.kept) { return; }
  var mine = vec2<u32>(0u, min(thread * 4u, ${columns - 1}u));
  for (var i = thread; i < ${vectors}u; i += ${rowThreads}u) {
    let bits = logits[row * ${vectors}u + i];
    for (var j = 0u; j < 4u; j++) {
      let id = i * 4u + j;
      if (id < ${columns}u) { mine = larger(mine, vec2(ordered(bits[j]), id)); }
    }
  }
  found[thread] = mine;
  workgroupBarrier();
  for (var half = ${rowThreads / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { found[thread] = larger(found[thread], found[thread + half]); }
    workgroupBarrier();
  }
  if (thread == 0u) {
    let id = found[0].y;
    best[row] = vec2(logits[row * ${vectors}u + id / 4u][id % 4u], id);
  }
}
`;
  return {
    name: 'argmax',
    wgsl,
    bindings,
    grid: ({ kept }) => flatGrid(kept, limits),
  };
}
