import { int, ref } from '../../src/ir/attributes.ts';
import { Builder } from '../../src/ir/builder.ts';
import { type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import type { Call } from '../../src/op.ts';
import { opsets } from '../opsets.ts';

export function body({ inputs }: Call): FunctionDef {
  const b = new Builder();
  const affine = affineInputs(inputs.length);
  b.op('Add', ['x', 'skip'], { as: 'sum' });
  b.op('LayerNormalization', ['sum', ...affine], {
    as: 'y',
    attributes: { axis: int(-1), epsilon: ref('epsilon', 'float') },
  });
  return {
    domain: fusedDomain,
    name: 'SkipLayerNorm',
    doc: 'Residual add and layer normalization of the last axis.',
    inputs: ['x', 'skip', ...affine],
    outputs: ['y', 'sum'],
    attributes: ['epsilon'],
    nodes: b.nodes,
    opsets: { '': opsets.body },
  };
}

/**
 * The inputs after x and skip. A body for calls without beta has no such input: ONNX Runtime ends
 * with a segmentation fault where a body reads an input that was left out.
 */
export function affineInputs(inputs: number): readonly string[] {
  return inputs === 4 ? ['gamma', 'beta'] : ['gamma'];
}
