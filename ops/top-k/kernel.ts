// The k largest logits of each row, so that sampling reads back k pairs and no row of the
// vocabulary's size.

import {
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
  vectorsOf,
} from '../../src/wgsl.ts';
import { ordered, rowThreads } from '../ordered-bits.ts';
import { logSumExp } from './log-sum-exp.ts';
import { radixSelect } from './radix-select.ts';

export interface TopKShape {
  /** Logits of a row, at most 2^22. */
  readonly columns: number;
  readonly k: number;
}

/** Pairs of words of a row of the result. */
export function topKPairs({ columns, k }: TopKShape): number {
  return 1 + Math.min(k, columns);
}

/**
 * logits (f32), settings → top: `topKPairs` pairs a row. The first is the log-sum-exp of the row's
 * logits over the temperature, as f32 bits, and 0; the others are logits, as f32 bits, and their
 * ids: always the same ones, in any order. NaN is below all numbers and in no sum.
 *
 * settings: penalty and temperature, f32 bits, and the number of seen pairs.
 */
export function topK(shape: TopKShape, limits: GpuLimits): Kernel {
  const { columns } = shape;
  const vectors = vectorsOf(columns);
  const pairs = topKPairs(shape);
  const bindings = [
    { name: 'logits', access: 'read', element: 'vec4<u32>' },
    { name: 'settings', access: 'read', element: 'u32' },
    { name: 'top', access: 'read_write', element: 'vec2<u32>' },
  ] as const;
  const wgsl = `${header(bindings)}
${ordered}
${logSumExp}
${radixSelect(columns, vectors)}

@compute @workgroup_size(${rowThreads})
fn main(
  ${mainParameters}
) {
  let row = ${groupIndex};
  if (row >= lengths.kept) { return; }
  let temperature = bitcast<f32>(settings[1]);
  var sum = no_sum;
  for (var i = thread; i < ${vectors}u; i += ${rowThreads}u) {
    let bits = logits[row * ${vectors}u + i];
    let is_number = (bits & vec4(0x7fffffffu)) <= vec4(0x7f800000u);
    let counts = is_number & (4u * i + vec4(0u, 1u, 2u, 3u) < vec4(${columns}u));
    sum = add_to_sum(sum, select(vec4(-extreme), bitcast<vec4<f32>>(bits) / temperature, counts));
  }
  let total = log_sum_exp(sum, thread);

  let least = least_selected(row, ${pairs - 1}u, thread);
  if (thread == 0u) {
    atomicStore(&histogram[0], 1u);
    top[row * ${pairs}u] = vec2(bitcast<u32>(total), 0u);
  }
  workgroupBarrier();
  for (var i = thread; i < ${vectors}u; i += ${rowThreads}u) {
    let bits = logits[row * ${vectors}u + i];
    for (var j = 0u; j < 4u; j++) {
      let id = i * 4u + j;
      if (id < ${columns}u && is_selected(place_of(bits[j], id), least)) {
        top[row * ${pairs}u + atomicAdd(&histogram[0], 1u)] = vec2(bits[j], id);
      }
    }
  }
}
`;
  return {
    name: 'top-k',
    wgsl,
    bindings,
    grid: ({ kept }) => flatGrid(kept, limits),
  };
}
