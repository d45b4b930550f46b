import type { OpDef } from '../../src/op.ts';
import { fusedDomain } from '../../src/ir/graph.ts';
import { body } from './body.ts';
import { contrib } from './contrib.ts';
import { infer } from './infer.ts';
import { reference } from './reference.ts';

/**
 * A gated activation: the first half of the last axis, activated, times the second half.
 *
 *     a, b = halves of x;  y = activation(a) · b
 *
 * Unfused, the halves and the activation are written and read: 7·n·I words. Fused: 3·n·I.
 */
export const geglu: OpDef = {
  domain: fusedDomain,
  name: 'GeGLU',
  since: 1,
  doc: 'The first half of the last axis, activated, times the second half.',
  inputs: [{ name: 'x', doc: 'Gate and value side by side, [..., 2·I].' }],
  outputs: [{ name: 'y', doc: 'The gated value, [..., I].' }],
  attributes: [{ name: 'activation', kind: 'string', doc: 'A name of the table of activations.' }],
  infer,
  reference,
  body,
  contrib,
};
