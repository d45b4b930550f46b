// Steps → kernels, for one form of run: a prefill or a decode step, with or without a cache, for few
// or many tokens. A form is lowered once; sizes that change within it stay out of the kernels.
//
// In a decode step of one token a norm is the prologue of the product that reads it, so a decoder
// layer is at most six dispatches: qkv, attention, its merge, Wo + residual, Wi + GeGLU, Wo + residual.

import { canNormalize } from '../../../ops/matmul/kernel-vector.ts';
import type { GpuLimits } from '../../wgsl.ts';
import { lowerAttention } from './lower-attention.ts';
import { isVector, type ProductForm } from './product-form.ts';
import { type Lowering, productShape } from './lowering.ts';
import { lowerEmbed, lowerProduct, lowerRows } from './lower-rows.ts';
import type { Placement } from './placement.ts';
import { madeBy, readBy } from './step-values.ts';
import type { LoweredDispatch } from './lowering.ts';
import type { Norm, Plan, Product, RowSet, Step } from './steps.ts';

export interface Form {
  readonly tokens: ProductForm;
  readonly kept: ProductForm;
  /** One new token in every row, or any number. */
  readonly attention: 'step' | 'tiles';
  readonly cached: boolean;
  /** Outputs that are asked for: none, those of all tokens in order, or some. */
  readonly keeps: 'none' | 'all' | 'some';
}

/** A matrix while it is needed. */
export interface LiveMatrix {
  readonly name: string;
  readonly set: RowSet;
  /** Bytes of a row. */
  readonly pitch: number;
  readonly first: number;
  readonly last: number;
}

export interface Lowered {
  readonly dispatches: readonly LoweredDispatch[];
  readonly matrices: readonly LiveMatrix[];
  /** The matrix of the result; none where no output is asked for. */
  readonly result: string | undefined;
}

export function formKey(form: Form): string {
  return Object.values(form).join(' ');
}

export function lower(
  plan: Plan,
  form: Form,
  limits: GpuLimits,
  placements: ReadonlyMap<string, Placement>,
): Lowered {
  const alias = new Map<string, string>();
  const steps = needed(plan, form, alias);
  const lowering: Lowering = {
    plan,
    form,
    limits,
    placements,
    own: (name) => alias.get(name) ?? name,
  };
  const fused = fusedNorms(lowering, steps);
  const dispatches: LoweredDispatch[] = [];
  for (const step of steps) {
    if (step.kind === 'norm' && fused.has(step.output)) continue;
    dispatches.push(...lowerStep(lowering, step, fused));
  }
  const result = form.keeps === 'none' ? undefined : lowering.own(plan.output.value);
  return { dispatches, matrices: lifetimes(lowering, dispatches, result), result };
}

function lowerStep(
  lowering: Lowering,
  step: Step,
  fused: ReadonlyMap<string, Norm>,
): readonly LoweredDispatch[] {
  switch (step.kind) {
    case 'embed':
      return lowerEmbed(lowering, step);
    case 'product':
      return lowerProduct(lowering, step, fused.get(step.x));
    case 'attention':
      return lowerAttention(lowering, step);
    default:
      return lowerRows(lowering, step);
  }
}

/** The steps that the result or the cache depends on; a selection of all rows is another name. */
function needed(plan: Plan, { keeps, cached }: Form, alias: Map<string, string>): readonly Step[] {
  const wanted = new Set(keeps === 'none' ? [] : [plan.output.value]);
  const steps: Step[] = [];
  for (const step of plan.steps.toReversed()) {
    const writes = step.kind === 'attention' && cached;
    if (!writes && !madeBy(step).some((name) => wanted.has(name))) continue;
    for (const name of readBy(step)) wanted.add(name);
    if (step.kind === 'select' && keeps === 'all') alias.set(step.output, step.x);
    else steps.push(step);
  }
  return steps.toReversed();
}

/** Norms that only products read, each of which can compute the norm itself. */
function fusedNorms(lowering: Lowering, steps: readonly Step[]): ReadonlyMap<string, Norm> {
  const { plan, limits } = lowering;
  const readers = new Map<string, Step[]>();
  for (const step of steps) {
    for (const name of readBy(step)) readers.set(name, [...(readers.get(name) ?? []), step]);
  }
  const norms = steps.filter((step): step is Norm => step.kind === 'norm');
  const fuses = (norm: Norm): boolean => {
    const reading = readers.get(norm.output) ?? [];
    const isProduct = (step: Step): step is Product =>
      step.kind === 'product' && step.x === norm.output && step.residual !== norm.output;
    return (
      reading.length > 0 &&
      norm.output !== plan.output.value &&
      reading.every((step) => {
        if (!isProduct(step)) return false;
        const { shape, form } = productShape(lowering, step, norm);
        return isVector(form) && form === 1 && canNormalize(shape, limits, form);
      })
    );
  };
  return new Map(norms.filter(fuses).map((norm) => [norm.output, norm]));
}

function lifetimes(
  { plan, own }: Lowering,
  dispatches: readonly LoweredDispatch[],
  result: string | undefined,
): readonly LiveMatrix[] {
  const live = new Map<string, { first: number; last: number }>();
  for (const [index, { refs }] of dispatches.entries()) {
    for (const ref of refs.values()) {
      if (ref.kind !== 'matrix') continue;
      const known = live.get(ref.name);
      live.set(ref.name, { first: known?.first ?? index, last: index });
    }
  }
  return [...live].map(([name, { first, last }]) => {
    const rows = plan.rows.get(own(name));
    const bytes = rows?.dtype === 'float16' ? 2 : 4;
    return {
      name,
      set: rows?.set ?? 'tokens',
      pitch: Math.ceil((rows?.width ?? 0) / 4) * 4 * bytes,
      first,
      last: name === result ? dispatches.length : last,
    };
  });
}
