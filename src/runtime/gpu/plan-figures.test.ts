// What the plan of the published shapes promises of a GPU, whichever it is.

import { describe, expect, it } from 'vitest';
import { ettinConfig, taskModel } from '../../../test/task-model.ts';
import { byteWidth } from '../../base/dtypes.ts';
import { sizeOf } from '../../base/tensors.ts';
import { type Element, type GpuLimits, leastLimits } from '../../wgsl.ts';
import { pack, type RowInput } from './batch.ts';
import { formOf } from './batch-form.ts';
import { bytesOfSlots } from './kv-cache.ts';
import { lower } from './lower.ts';
import type { LoweredDispatch } from './lowering.ts';
import { type Placement, placements } from './placement.ts';
import { planOf } from './plan.ts';
import type { Plan } from './steps.ts';
import { workOf } from './work.ts';

const large: GpuLimits = {
  ...leastLimits,
  subgroups: true,
  workgroupMemory: 32_768,
  shaderF16: true,
};
const bindsAll = { bindingBytes: 2 ** 31 };

interface Planned {
  readonly plan: Plan;
  readonly placed: ReadonlyMap<string, Placement>;
  readonly limits: GpuLimits;
  readonly element: Element;
  /** Bytes of the floats in the file, rotary tables left out. */
  readonly fileBytes: number;
}

function planned(size: '150m' | '1b', dtype: 'fp32' | 'fp16', limits: GpuLimits): Planned {
  const model = taskModel(ettinConfig(size), { dtype });
  const plan = planOf(model);
  const weights = model.graph.initializers.filter(({ type }) => type.dtype !== 'int64');
  const placed = placements(plan, new Map(weights.map((each) => [each.name, each])), limits);
  const fileBytes = weights
    .filter(({ recipe }) => recipe.kind === 'weight')
    .reduce((sum, { type }) => sum + sizeOf(type.shape) * byteWidth[type.dtype], 0);
  const half = limits.shaderF16 ? 'half' : 'pair';
  return { plan, placed, limits, element: dtype === 'fp16' ? half : 'f32', fileBytes };
}

function row(past: number, count: number): RowInput {
  return { row: 0, past, ids: Array.from({ length: count }, () => 0), keep: [count - 1] };
}

function decodeStep({ plan, placed, limits }: Planned, past: number): readonly LoweredDispatch[] {
  const piece = { row: 0, past, ids: [0], keep: [0], input: 0, from: 0 };
  return lower(plan, formOf(pack([piece]), true), limits, placed).dispatches;
}

const cases = (['150m', '1b'] as const).flatMap((size) =>
  (['fp32', 'fp16'] as const).flatMap((dtype) =>
    [
      { ...leastLimits, ...bindsAll },
      { ...large, ...bindsAll },
    ].map((limits) => ({ size, dtype, subgroups: limits.subgroups, limits })),
  ),
);

describe.each(cases)(
  'the plan of $size in $dtype, subgroups $subgroups,',
  ({ size, dtype, limits }) => {
    const model = planned(size, dtype, limits);
    const { plan, placed, element, fileBytes } = model;

    it('has at most six dispatches a layer in a decode step', () => {
      const dispatches = decodeStep(model, 4000);
      const starts = dispatches.flatMap(({ kernel }, index) =>
        kernel.name.startsWith('attend-step') ? [index] : [],
      );
      expect(starts).toHaveLength(plan.layers.length);
      const counts = starts.slice(1).map((start, i) => start - (starts[i] ?? 0));
      expect(Math.max(...counts)).toBeLessThanOrEqual(6);
      // embedding, its norm and the first qkv; the head's dense layer, its logits, and a norm between
      expect(dispatches.length).toBeLessThanOrEqual(6 * plan.layers.length + 5);
    });

    it('reads and writes little beside weights and the live cache for a token', () => {
      const live = plan.layers.reduce(
        (sum, { window, width }) => sum + 2 * width * (window < 0 ? 512 : 64) * bytesOf(element),
        0,
      );
      const { bytes } = workOf(plan, [row(511, 1)], {
        limits,
        placements: placed,
        cacheElement: element,
        cached: true,
      });
      expect(bytes).toBeGreaterThan(0.95 * (fileBytes + live));
      expect(bytes).toBeLessThanOrEqual(1.1 * (fileBytes + live));
    });

    it.each([8192, 2048])('attends to little beside the window in a prefill by %i', (length) => {
      const {
        heads = 0,
        headDim = 0,
        window = 0,
      } = plan.layers.find((each) => each.window > 0) ?? {};
      let [computed, layers] = [0, 0];
      for (let past = 0; past < 8192; past += length) {
        const piece = { ...row(past, length), input: 0, from: past };
        const form = formOf(pack([piece]), true);
        const extent = { tokens: length, kept: 1, rows: [{ count: length, past }] };
        const sliding = lower(plan, form, limits, placed).dispatches.filter(
          ({ kernel, refs }) => kernel.name === 'attend-tiles' && isSliding(plan, refs),
        );
        computed += sliding.reduce((sum, { cost }) => sum + cost(extent).multiplyAdds, 0);
        layers = sliding.length;
      }
      expect(window).toBe(64);
      expect(layers).toBe(plan.layers.filter((layer) => layer.window > 0).length);
      const least = 8192 * window * 2 * heads * headDim;
      expect(computed / layers).toBeGreaterThan(0.95 * least);
      expect(computed / layers).toBeLessThanOrEqual(1.5 * least);
    });

    it('keeps weights as they are in the file, and reads them in place', () => {
      const weights = [...placed.values()].filter(
        ({ initializer }) => initializer.recipe.kind === 'weight',
      );
      const bytes = weights.reduce((sum, { rows, rowBytes }) => sum + rows * rowBytes, 0);
      expect(bytes).toBe(fileBytes);
      for (const { rowBytes, pitch } of weights) expect(pitch - rowBytes).toBeLessThan(16);
      const read = new Map<string, number>();
      for (const { kernel, refs } of decodeStep(model, 511)) {
        for (const { name, access } of kernel.bindings) {
          const ref = refs.get(name);
          if (ref?.kind !== 'weight') continue;
          expect(access).toBe('read');
          read.set(ref.name, (read.get(ref.name) ?? 0) + 1);
        }
      }
      expect([...read.keys()].toSorted()).toEqual([...placed.keys()].toSorted());
      // the token table is looked up and multiplied with; everything else is read once
      const twice = weights.filter(({ initializer }) => (read.get(initializer.name) ?? 0) > 1);
      expect(twice.map(({ initializer }) => initializer.name)).toEqual([
        'embeddings.tok_embeddings.weight',
      ]);
    });
  },
);

function isSliding({ layers }: Plan, refs: LoweredDispatch['refs']): boolean {
  const keys = refs.get('keys');
  return keys?.kind === 'cache' && (layers[keys.layer]?.window ?? -1) > 0;
}

function bytesOf(element: Element): number {
  return element === 'f32' ? 4 : 2;
}

describe('the cache', () => {
  it('of an Ettin-150m at 8,192 tokens is at most 40 % of a uniform one', () => {
    const { plan, element } = planned('150m', 'fp32', large);
    const size = { rows: 3, capacity: 8192, element };
    const bytes = plan.layers.reduce((sum, layer) => sum + bytesOfSlots(layer, size), 0);
    const uniform = plan.layers.reduce((sum, { width }) => sum + 3 * 8192 * width * 4, 0);
    expect(bytes / uniform).toBeLessThanOrEqual(0.4);
    expect(bytes / uniform).toBeGreaterThan(8 / 22);
  });
});

describe('a vocabulary larger than a binding', () => {
  it('is read in parts that are the whole, each as large as it may be', () => {
    const { plan, placed, limits } = planned('1b', 'fp32', leastLimits);
    const dispatches = decodeStep({ ...planned('1b', 'fp32', leastLimits), plan, placed }, 100);
    const parts = dispatches.filter(({ output }) => output === plan.output.value);
    const table = placed.get('embeddings.tok_embeddings.weight');
    expect(parts.length).toBe(Math.ceil((50_368 * 1792 * 4) / limits.bindingBytes));
    expect(table?.partRows).toBeGreaterThan(18_000);
    expect(parts.map(({ refs }) => refs.get('weight'))).toEqual(
      parts.map((_, part) => ({ kind: 'weight', name: 'embeddings.tok_embeddings.weight', part })),
    );
    expect(dispatches.filter(({ output }) => output === 'token_embeddings')).toHaveLength(
      parts.length,
    );
  });
});
