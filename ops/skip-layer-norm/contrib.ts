import { ref } from '../../src/ir/attributes.ts';
import { contribDomain, type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import type { Call } from '../../src/op.ts';
import { affineInputs } from './body.ts';

export function contrib({ inputs: { length } }: Call): FunctionDef {
  const inputs = ['x', 'skip', ...affineInputs(length)];
  return {
    domain: fusedDomain,
    name: 'SkipLayerNorm',
    doc: 'SkipLayerNormalization, whose fourth output is the sum.',
    inputs,
    outputs: ['y', 'sum'],
    attributes: ['epsilon'],
    nodes: [
      {
        domain: contribDomain,
        op: 'SkipLayerNormalization',
        inputs,
        outputs: ['y', '', '', 'sum'],
        attributes: { epsilon: ref('epsilon', 'float') },
      },
    ],
    opsets: { [contribDomain]: 1 },
  };
}
