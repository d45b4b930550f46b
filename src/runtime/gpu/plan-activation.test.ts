import { describe, expect, it } from 'vitest';
import { activations } from '../../../ops/activations.ts';
import { dense, small, withActivation } from '../../../test/graph-edits.ts';
import { must } from '../../../test/must.ts';
import { modelOf, taskModel } from '../../../test/task-model.ts';
import { constant, tensor } from '../../ir/attributes.ts';
import { Builder } from '../../ir/builder.ts';
import type { Node } from '../../ir/graph.ts';
import { planOf } from './plan.ts';

describe.each([...activations.keys()])('%s in a head', (name) => {
  const cases = (['node', 'formula'] as const).flatMap((gelu) =>
    (['fp32', 'fp16'] as const).map((dtype) => ({ gelu, dtype })),
  );
  it.each(cases)('as a $gelu in $dtype is an epilogue', ({ gelu, dtype }) => {
    const b = new Builder();
    const result = must(activations.get(name), name).nodes(b, dense, { gelu });
    const { graph } = taskModel(small, { dtype });
    const nodes = b.nodes.map((node) => (dtype === 'fp16' ? inHalf(node) : node));
    const { steps } = planOf(modelOf(withActivation(graph, nodes, result)));
    const step = steps.find(({ kind, output }) => kind === 'product' && output.includes(result));
    const found = step?.kind === 'product' ? (step.activation ?? 'linear') : undefined;
    // names of one curve are one activation
    const same = (activation: string | undefined): unknown =>
      JSON.stringify(formulaOf(activation, gelu));
    expect(same(found)).toBe(same(name));
  });
});

function formulaOf(name: string | undefined, gelu: 'node' | 'formula'): readonly Node[] {
  const b = new Builder();
  must(activations.get(name ?? ''), `activation ${name}`).nodes(b, 'x', { gelu });
  return b.nodes;
}

function inHalf(node: Node): Node {
  const value = node.attributes['value'];
  if (value?.kind !== 'tensor') return node;
  const { values, shape } = value.value;
  return { ...node, attributes: { value: tensor(constant('float16', values, shape)) } };
}
