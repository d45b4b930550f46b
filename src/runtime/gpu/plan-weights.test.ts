import { describe, expect, it } from 'vitest';
import { small } from '../../../test/graph-edits.ts';
import { modelOf, taskModel } from '../../../test/task-model.ts';
import type { ModernBertDecoderConfig } from '../../base/config.ts';
import type { Target } from '../../base/manifest.ts';
import type { BlockScheme, Graph } from '../../ir/graph.ts';
import { fusedRules } from '../../model/build.ts';
import { half } from '../../passes/half.ts';
import { quantize } from '../../passes/quantize.ts';
import { planOf } from './plan.ts';
import type { Plan, WeightLayout } from './steps.ts';

const four: BlockScheme = { bits: 4, blockSize: 16, symmetric: false };

interface Choice {
  readonly target: Target;
  readonly scheme?: BlockScheme;
  readonly config?: Partial<ModernBertDecoderConfig>;
  readonly halves?: boolean;
}

function packed({ target, scheme = four, config = {}, halves = false }: Choice): Graph {
  const sizes = { hiddenSize: 32, headDim: 16, intermediateSize: 64 };
  const { graph } = taskModel({ ...small, ...sizes, ...config });
  const floats = halves ? half(fusedRules)(graph) : graph;
  return quantize(fusedRules, { target, formOf: () => scheme, accuracyLevel: 4 })(floats);
}

const planned = (choice: Choice): Plan => planOf(modelOf(packed(choice)));

/** Weights with their layouts, in the order of the steps. */
function layoutsOf({ steps }: Plan): readonly (readonly [string, WeightLayout])[] {
  return steps.flatMap((step) => {
    if (step.kind === 'embed') return [[step.table, step.layout] as const];
    return step.kind === 'product' ? [[step.weight, step.layout] as const] : [];
  });
}

const table = 'embeddings.tok_embeddings.weight';

describe.each(['onnxruntime', 'portable'] as const)('a quantized graph for %s', (target) => {
  it.each([false, true])('is read packed, in half %s', (halves) => {
    const layouts = layoutsOf(planned({ target, halves }));
    expect(layouts.length).toBeGreaterThan(5);
    for (const [weight, layout] of layouts) {
      const name = weight.replace('.codes', '');
      expect(layout).toEqual({
        kind: 'blocks',
        bits: 4,
        blockSize: 16,
        scales: `${name}.scales`,
        zeroPoints: `${name}.zeros`,
      });
    }
    expect(layouts.filter(([weight]) => weight === `${table}.codes`)).toHaveLength(2);
  });

  it('has the steps of the graph with floats', () => {
    const kinds = (plan: Plan): readonly string[] => plan.steps.map(({ kind }) => kind);
    const sizes = { ...small, hiddenSize: 32, headDim: 16, intermediateSize: 64 };
    expect(kinds(planned({ target }))).toEqual(kinds(planOf(taskModel(sizes))));
  });

  it('cuts rows to the width of the table', () => {
    const config = { hiddenSize: 48, headDim: 24, numHeads: 2 };
    const scheme: BlockScheme = { bits: 8, blockSize: 32, symmetric: true };
    const plan = planned({ target, config, scheme });
    const [embed] = plan.steps;
    expect(embed?.kind).toBe('embed');
    expect(plan.rows.get(embed?.output ?? '')?.width).toBe(48);
  });
});

it('an odd number of blocks in a row is read as any other', () => {
  const config = { intermediateSize: 48 }; // three blocks of 16
  const [contrib, portable] = (['onnxruntime', 'portable'] as const).map((target) =>
    layoutsOf(planned({ target, config })),
  );
  expect(portable).toEqual(contrib);
});
