// Logits of ids that a row has seen move towards less likely: divided by the penalty where they are
// positive, else multiplied by it.

import {
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
  vectorsOf,
} from '../../src/wgsl.ts';
import { rowThreads } from '../ordered-bits.ts';

export interface RepetitionPenaltyShape {
  /** Logits of a row. */
  readonly columns: number;
}

/**
 * seen, settings → logits (f32), in place. seen: pairs of a kept row and an id, no pair twice.
 *
 * settings: penalty and temperature, f32 bits, and the number of seen pairs.
 */
export function repetitionPenalty({ columns }: RepetitionPenaltyShape, limits: GpuLimits): Kernel {
  const bindings = [
    { name: 'seen', access: 'read', element: 'vec2<u32>' },
    { name: 'settings', access: 'read', element: 'u32' },
    { name: 'logits', access: 'read_write', element: 'u32' },
  ] as const;
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${rowThreads})
fn main(
  ${mainParameters}
) {
  let penalty = bitcast<f32>(settings[0]);
  // as many workgroups as rows, for the pairs grow with every step and the grid must not
  for (
    var i = (${groupIndex}) * ${rowThreads}u + thread;
    i < settings[2];
    i += groups.x * groups.y * ${rowThreads}u
  ) {
    let pair = seen[i];
    if (pair.x >= lengths.kept || pair.y >= ${columns}u) { continue; }
    let place = pair.x * ${vectorsOf(columns) * 4}u + pair.y;
    let logit = bitcast<f32>(logits[place]);
    logits[place] = bitcast<u32>(select(logit * penalty, logit / penalty, logit > 0.0));
  }
}
`;
  return {
    name: 'repetition-penalty',
    wgsl,
    bindings,
    grid: ({ kept }) => flatGrid(kept, limits),
  };
}
