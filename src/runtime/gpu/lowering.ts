// What lowering hands around: where things are bound from, and the shapes that kernels are asked for.

import type { ProductShape } from '../../../ops/matmul/shape.ts';
import { type Element, elementOf, type GpuLimits } from '../../wgsl.ts';
import type { Dispatch } from './execute.ts';
import type { Form } from './lower.ts';
import type { Part, Placement } from './placement.ts';
import type { ProductForm } from './product-form.ts';
import type { Norm, Plan, Product } from './steps.ts';

/** Where a binding's buffer comes from when a run begins. */
export type Ref =
  | { readonly kind: 'matrix'; readonly name: string }
  | { readonly kind: 'weight'; readonly name: string; readonly part: number }
  | { readonly kind: 'cache'; readonly layer: number; readonly which: 'keys' | 'values' }
  | { readonly kind: 'batch'; readonly table: 'ids' | 'rows' | 'tokens' | 'indices' | 'partials' }
  | { readonly kind: 'tiles'; readonly size: number };

/** The row counts and lengths that a cost follows from. */
export interface Extent {
  readonly tokens: number;
  readonly kept: number;
  readonly rows: readonly { readonly count: number; readonly past: number }[];
}

/** What a dispatch moves and computes; a value that several workgroups read counts once. */
export interface Cost {
  /** Read and written, of weights, cache and matrices. */
  readonly bytes: number;
  readonly multiplyAdds: number;
}

export interface LoweredDispatch extends Dispatch {
  readonly refs: ReadonlyMap<string, Ref>;
  /** The step's output, for reports. */
  readonly output: string;
  /** Only runs where long caches are split. */
  readonly merges?: boolean;
  /** Queries of a tile, where the grid counts tiles. */
  readonly tileSize?: number;
  readonly cost: (extent: Extent) => Cost;
}

export interface Lowering {
  readonly plan: Plan;
  readonly form: Form;
  readonly limits: GpuLimits;
  readonly placements: ReadonlyMap<string, Placement>;
  /** A matrix by the name it has in this form. */
  readonly own: (name: string) => string;
}

export function matrix(name: string): Ref {
  return { kind: 'matrix', name };
}

export function weight(name: string, part = 0): Ref {
  return { kind: 'weight', name, part };
}

/** How the elements of a weight are kept. */
export function weightElement({ placements, limits }: Lowering, name: string): Element {
  const dtype = placements.get(name)?.initializer.type.dtype;
  return elementOf(dtype === 'float16' ? 'float16' : 'float32', limits);
}

export function matrixElement({ plan, limits, own }: Lowering, name: string): Element {
  return elementOf(plan.rows.get(own(name))?.dtype ?? 'float32', limits);
}

export function rowSetOf({ plan, own }: Lowering, name: string): 'tokens' | 'kept' {
  return plan.rows.get(own(name))?.set ?? 'tokens';
}

/** The shape of a product, and how it is computed in this form. */
export function productShape(
  lowering: Lowering,
  step: Product,
  norm: Norm | undefined,
  part?: Part,
): { readonly shape: ProductShape; readonly form: ProductForm } {
  const { form, placements } = lowering;
  const { layout } = step;
  const set = lowering.plan.rows.get(step.output)?.set ?? 'tokens';
  const whole = placements.get(step.weight)?.rows;
  const shape: ProductShape = {
    inputs: step.inputs,
    outputs: step.outputs,
    weight:
      layout.kind === 'blocks'
        ? {
            layout: 'blocks',
            bits: layout.bits,
            blockSize: layout.blockSize,
            zeroPoints: layout.zeroPoints !== undefined,
            scale: weightElement(lowering, layout.scales),
          }
        : { layout: layout.kind, element: weightElement(lowering, step.weight) },
    element: matrixElement(lowering, norm?.x ?? step.x),
    output: matrixElement(lowering, step.output),
    ...(step.bias !== undefined && { bias: weightElement(lowering, step.bias) }),
    ...(step.activation !== undefined && { activation: step.activation }),
    gated: step.gated,
    residual: step.residual !== undefined,
    ...(step.residual !== undefined && {
      residualElement: matrixElement(lowering, step.residual),
    }),
    ...(norm && {
      norm: {
        epsilon: norm.by.epsilon,
        bias: norm.by.bias !== undefined,
        weight: weightElement(lowering, norm.by.scale),
      },
    }),
    ...(part && part.count !== whole && { part }),
    count: set,
  };
  return { shape, form: set === 'kept' ? form.kept : form.tokens };
}

export function bytesOf(element: Element, elements: number): number {
  return (element === 'f32' ? 4 : 2) * elements;
}
