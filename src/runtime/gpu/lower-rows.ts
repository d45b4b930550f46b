// Everything that works on rows alone: embeddings, products, norms, selections.

import { gatherBlocks } from '../../../ops/gather-blocks/kernel.ts';
import { gatherRows } from '../../../ops/gather/kernel.ts';
import { geglu } from '../../../ops/geglu/kernel.ts';
import { layerNorm } from '../../../ops/layer-norm/kernel.ts';
import { multiplyAdds, type ProductShape, weightBytes } from '../../../ops/matmul/shape.ts';
import { productTiles } from '../../../ops/matmul/kernel-tiles.ts';
import { productVector } from '../../../ops/matmul/kernel-vector.ts';
import { skipLayerNorm } from '../../../ops/skip-layer-norm/kernel.ts';
import type { Kernel } from '../../wgsl.ts';
import {
  bytesOf,
  type Cost,
  type Extent,
  type LoweredDispatch,
  type Lowering,
  matrix,
  matrixElement,
  productShape,
  type Ref,
  rowSetOf,
  weight,
  weightElement,
} from './lowering.ts';
import { partsOf } from './placement.ts';
import { isVector, tileRowsOf } from './product-form.ts';
import type { Embed, Norm, NormWeights, Product, Step } from './steps.ts';

type OtherStep = Exclude<Step, { readonly kind: 'embed' | 'product' | 'attention' }>;

/** One dispatch for each part of the table. */
export function lowerEmbed(lowering: Lowering, step: Embed): readonly LoweredDispatch[] {
  const { limits, placements, plan } = lowering;
  const placement = placements.get(step.table);
  const parts = placement ? partsOf(placement) : [];
  const { layout, output } = step;
  const columns = plan.rows.get(output)?.width ?? 0;
  const element = matrixElement(lowering, output);
  const cost = rowsCost('tokens', 2 * bytesOf(element, columns));
  return parts.map((each, index) => {
    const part = parts.length > 1 ? each : undefined;
    const common = { columns, output: element, count: 'tokens', part } as const;
    const refs = {
      table: weight(step.table, index),
      indices: { kind: 'batch', table: 'ids' },
      gathered: matrix(output),
    } as const;
    if (layout.kind !== 'blocks') {
      const table = weightElement(lowering, step.table);
      return dispatch(gatherRows({ ...common, table }, limits), refs, output, cost);
    }
    const { bits, blockSize, scales } = layout;
    const kernel = gatherBlocks(
      {
        ...common,
        bits,
        blockSize,
        zeroPoints: layout.zeroPoints !== undefined,
        scale: weightElement(lowering, scales),
      },
      limits,
    );
    return dispatch(kernel, { ...refs, ...blockRefs(layout, index) }, output, cost);
  });
}

/** One dispatch for each part of the weight, whose rows are columns of the result. */
export function lowerProduct(
  lowering: Lowering,
  step: Product,
  norm: Norm | undefined,
): readonly LoweredDispatch[] {
  const { limits, placements, own } = lowering;
  const placement = placements.get(step.weight);
  const parts = placement ? partsOf(placement) : [];
  return parts.map((part, index) => {
    const whole = parts.length === 1 ? undefined : part;
    const { shape, form } = productShape(lowering, step, norm, whole);
    const kernel = isVector(form)
      ? productVector(shape, limits, form)
      : productTiles(shape, limits, tileRowsOf(form, shape, limits));
    const refs = {
      x: matrix(own(norm?.x ?? step.x)),
      ...(norm && { scale: weight(norm.by.scale), shift: weight(norm.by.bias ?? '') }),
      weight: weight(step.weight, index),
      ...(step.layout.kind === 'blocks' && blockRefs(step.layout, index)),
      bias: weight(step.bias ?? ''),
      residual: matrix(own(step.residual ?? '')),
      y: matrix(step.output),
    };
    return dispatch(kernel, refs, step.output, (extent) => productCost(shape, extent));
  });
}

function blockRefs(
  { scales, zeroPoints }: { readonly scales: string; readonly zeroPoints?: string },
  part: number,
): Readonly<Record<string, Ref>> {
  return { scales: weight(scales, part), zero_points: weight(zeroPoints ?? '', part) };
}

function productCost(shape: ProductShape, extent: Extent): Cost {
  const rows = extent[shape.count];
  const outputs = shape.part?.count ?? shape.outputs;
  return {
    bytes:
      weightBytes(shape) +
      rows * bytesOf(shape.element, shape.inputs + (shape.residual ? outputs : 0)) +
      rows * bytesOf(shape.output, outputs),
    multiplyAdds: multiplyAdds(shape, rows),
  };
}

/** Norms, selections and gates: one dispatch each. */
export function lowerRows(lowering: Lowering, step: OtherStep): readonly LoweredDispatch[] {
  const { limits, plan, own } = lowering;
  const { output } = step;
  const count = rowSetOf(lowering, output);
  const columns = plan.rows.get(output)?.width ?? 0;
  const element = matrixElement(lowering, step.x);
  const cost = (matrices: number): LoweredDispatch['cost'] =>
    rowsCost(count, matrices * bytesOf(element, columns));
  switch (step.kind) {
    case 'norm': {
      const shape = normShape(lowering, step.by, { columns, element, count });
      const kernel = layerNorm({ ...shape, output: matrixElement(lowering, output) }, limits);
      const refs = { x: matrix(own(step.x)), normed: matrix(output), ...normRefs(step.by) };
      return [dispatch(kernel, refs, output, cost(2))];
    }
    case 'skip-norm': {
      const shape = normShape(lowering, step.by, { columns, element, count });
      const refs = {
        x: matrix(own(step.x)),
        skip: matrix(own(step.skip)),
        normed: matrix(output),
        sum: matrix(step.sum),
        ...normRefs(step.by),
      };
      return [dispatch(skipLayerNorm(shape, limits), refs, output, cost(4))];
    }
    case 'select': {
      const shape = { columns, table: element, output: element, count: 'kept' } as const;
      const refs = {
        table: matrix(own(step.x)),
        indices: { kind: 'batch', table: 'indices' },
        gathered: matrix(output),
      } as const;
      return [dispatch(gatherRows(shape, limits), refs, output, cost(2))];
    }
    case 'gate': {
      const kernel = geglu({ width: columns, activation: step.activation, element, count }, limits);
      const refs = { x: matrix(own(step.x)), y: matrix(output) };
      return [dispatch(kernel, refs, output, cost(3))];
    }
  }
}

function normShape(
  lowering: Lowering,
  by: NormWeights,
  {
    columns,
    element,
    count,
  }: {
    readonly columns: number;
    readonly element: Parameters<typeof layerNorm>[0]['element'];
    readonly count: 'tokens' | 'kept';
  },
): Parameters<typeof layerNorm>[0] {
  return {
    width: columns,
    epsilon: by.epsilon,
    bias: by.bias !== undefined,
    element,
    weight: weightElement(lowering, by.scale),
    count,
  };
}

function normRefs({ scale, bias }: NormWeights): Readonly<Record<string, Ref>> {
  return { scale: weight(scale), bias: weight(bias ?? '') };
}

function rowsCost(count: 'tokens' | 'kept', bytes: number): LoweredDispatch['cost'] {
  return (extent) => ({ bytes: extent[count] * bytes, multiplyAdds: 0 });
}

/** A kernel with the refs that its bindings name. */
function dispatch(
  kernel: Kernel,
  refs: Readonly<Record<string, Ref>>,
  output: string,
  cost: LoweredDispatch['cost'],
): LoweredDispatch {
  const bound = kernel.bindings.map(({ name }): [string, Ref] => {
    const ref = refs[name];
    if (!ref) throw new TypeError(`${kernel.name} binds ${name}`);
    return [name, ref];
  });
  return { kernel, refs: new Map(bound), output, cost };
}
