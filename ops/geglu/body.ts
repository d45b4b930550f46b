import { Builder } from '../../src/ir/builder.ts';
import { type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import { type Call, textOf } from '../../src/op.ts';
import { type ActivationOptions, activationOf } from '../activations.ts';
import { opsets } from '../opsets.ts';

/** Gelu is spelled out: as a node it asks for its input's type, which a body does not know. */
export function body(call: Call): FunctionDef {
  return { ...gated(call, 'formula'), opsets: { '': opsets.body } };
}

/** Split, the activation and Mul, with the activation of the call. */
export function gated(
  { attributes }: Call,
  gelu: ActivationOptions['gelu'],
): Omit<FunctionDef, 'opsets'> {
  const b = new Builder();
  const [gate = '', value = ''] = b.split('x', 2, -1, 'half');
  const active = activationOf(textOf(attributes['activation'])).nodes(b, gate, { gelu });
  b.op('Mul', [active, value], { as: 'y' });
  return {
    domain: fusedDomain,
    name: 'GeGLU',
    doc: 'The first half of the last axis, activated, times the second half.',
    inputs: ['x'],
    outputs: ['y'],
    attributes: ['activation'],
    nodes: b.nodes,
  };
}
