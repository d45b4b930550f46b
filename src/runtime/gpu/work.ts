// What a run dispatches, moves and computes, from the plan alone: nothing runs, so it can be told of
// any length, and of devices that are not there.

import type { Element, GpuLimits } from '../../wgsl.ts';
import { cut, pack, type Piece, type RowInput } from './batch.ts';
import { formOf, mostOf, splitsOf } from './batch-form.ts';
import { attentionShapes } from './lower-attention.ts';
import { lower } from './lower.ts';
import type { Cost } from './lowering.ts';
import type { Placement } from './placement.ts';
import type { Plan } from './steps.ts';

/** The sum over all dispatches. */
export interface Work extends Cost {
  readonly dispatches: number;
}

export interface WorkOptions {
  readonly limits: GpuLimits;
  readonly placements: ReadonlyMap<string, Placement>;
  readonly cacheElement: Element;
  /** Whether a cache is kept. */
  readonly cached: boolean;
}

/** The work of appending tokens to rows. */
export function workOf(plan: Plan, inputs: readonly RowInput[], options: WorkOptions): Work {
  const batches = cut(inputs, ...mostOf(plan, options.limits));
  return sum(batches.map((pieces) => workOfBatch(plan, pieces, options)));
}

function workOfBatch(
  plan: Plan,
  pieces: readonly Piece[],
  { limits, placements, cacheElement, cached }: WorkOptions,
): Work {
  const packed = pack(pieces);
  const splits = splitsOf(attentionShapes(plan, cacheElement), packed, pieces.length);
  const { dispatches } = lower(plan, formOf(packed, cached), limits, placements);
  const extent = {
    tokens: packed.tokens,
    kept: packed.kept,
    rows: pieces.map(({ ids, past }) => ({ count: ids.length, past })),
  };
  return sum(
    dispatches
      .filter(({ merges }) => merges !== true || splits > 1)
      .map(({ cost }) => ({ dispatches: 1, ...cost(extent) })),
  );
}

function sum(parts: readonly Work[]): Work {
  const total = { dispatches: 0, bytes: 0, multiplyAdds: 0 };
  for (const { dispatches, bytes, multiplyAdds } of parts) {
    total.dispatches += dispatches;
    total.bytes += bytes;
    total.multiplyAdds += multiplyAdds;
  }
  return total;
}
