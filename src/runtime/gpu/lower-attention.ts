// Attention in its forms: a decode step of one dispatch and perhaps a merge, or a prefill that
// rotates, attends tile by tile, and writes the cache last: a ring of the window's size still holds
// the keys before the first new token then.

import { rotate } from '../../../ops/fused-attention/kernel-rotate.ts';
import type { AttentionShape } from '../../../ops/fused-attention/kernel-shape.ts';
import { mergeSplits } from '../../../ops/fused-attention/kernel-merge.ts';
import { attendStep } from '../../../ops/fused-attention/kernel-step.ts';
import { canSplit } from '../../../ops/fused-attention/kernel-step-size.ts';
import { keysVisited, queriesPerTile } from '../../../ops/fused-attention/kernel-tile-size.ts';
import { attendTiles } from '../../../ops/fused-attention/kernel-tiles.ts';
import { writeCache } from '../../../ops/fused-attention/kernel-write-cache.ts';
import type { Element, Kernel } from '../../wgsl.ts';
import {
  bytesOf,
  type Cost,
  type Extent,
  type LoweredDispatch,
  type Lowering,
  matrix,
  matrixElement,
  type Ref,
  weight,
  weightElement,
} from './lowering.ts';
import type { Attention, Plan } from './steps.ts';

/** The shape of a step's kernels. */
function attentionShape(lowering: Lowering, step: Attention): AttentionShape {
  const { heads, headDim, scale, window } = step;
  return {
    heads,
    headDim,
    scale,
    window,
    element: matrixElement(lowering, step.qkv),
    table: weightElement(lowering, step.cos),
    cached: lowering.form.cached,
  };
}

/** The shapes of all layers that differ, for what follows from lengths alone. */
export function attentionShapes(plan: Plan, element: Element): readonly AttentionShape[] {
  const shapes = plan.layers.map(({ heads, headDim, window }): AttentionShape => ({
    heads,
    headDim,
    window,
    scale: 1,
    element,
    table: element,
    cached: true,
  }));
  return [...new Map(shapes.map((shape) => [JSON.stringify(shape), shape])).values()];
}

export function lowerAttention(lowering: Lowering, step: Attention): readonly LoweredDispatch[] {
  const { form, limits } = lowering;
  const shape = attentionShape(lowering, step);
  const refs = refsOf(lowering, step, queriesPerTile(shape, limits));
  const dispatch = (
    kernel: Kernel,
    cost: (extent: Extent) => Cost,
    more: Partial<LoweredDispatch> = {},
  ): LoweredDispatch => {
    const bound = kernel.bindings.map(({ name }): [string, Ref] => [name, refs(name)]);
    return { kernel, refs: new Map(bound), output: step.output, cost, ...more };
  };
  if (form.attention === 'step') {
    const attend = dispatch(attendStep(shape, limits), (extent) => stepCost(shape, extent));
    if (!canSplit(shape)) return [attend];
    const none = { bytes: 0, multiplyAdds: 0 }; // partial results are few beside a long cache
    return [attend, dispatch(mergeSplits(shape, limits), () => none, { merges: true })];
  }
  const width = shape.heads * shape.headDim;
  const moved = (rows: number) => (extent: Extent) => ({
    bytes: bytesOf(shape.element, rows * width * extent.tokens),
    multiplyAdds: 0,
  });
  const tiles = dispatch(
    attendTiles(shape, limits),
    (extent) => ({
      bytes: bytesOf(shape.element, 4 * width * extent.tokens),
      multiplyAdds:
        2 * width * extent.rows.reduce((sum, row) => sum + keysVisited(shape, limits, row), 0),
    }),
    { tileSize: queriesPerTile(shape, limits) },
  );
  const rotated = dispatch(rotate(shape, limits), moved(4));
  return form.cached
    ? [rotated, tiles, dispatch(writeCache(shape, limits), moved(4))]
    : [rotated, tiles];
}

/** Each row reads what it sees, and writes one key and one value. */
function stepCost({ heads, headDim, window, element }: AttentionShape, { rows }: Extent): Cost {
  const width = heads * headDim;
  const sees = ({ past }: { readonly past: number }): number =>
    window < 0 ? past + 1 : Math.min(past + 1, window);
  const keys = rows.reduce((sum, row) => sum + sees(row), 0);
  return {
    bytes: bytesOf(element, width * (2 * keys + 6 * rows.length)),
    multiplyAdds: 2 * width * keys,
  };
}

function refsOf(
  { own }: Lowering,
  { qkv, cos, sin, output, layer }: Attention,
  size: number,
): (name: string) => Ref {
  return (name) => {
    switch (name) {
      case 'rows':
      case 'tokens':
      case 'partials':
        return { kind: 'batch', table: name };
      case 'tiles':
        return { kind: 'tiles', size };
      case 'keys':
      case 'values':
        return { kind: 'cache', layer, which: name };
      case 'cos':
        return weight(cos);
      case 'sin':
        return weight(sin);
      case 'qkv':
        return matrix(own(qkv));
      default:
        return matrix(own(output));
    }
  };
}
