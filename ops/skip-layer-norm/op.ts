import type { OpDef } from '../../src/op.ts';
import { fusedDomain } from '../../src/ir/graph.ts';
import { body } from './body.ts';
import { contrib } from './contrib.ts';
import { infer } from './infer.ts';
import { reference } from './reference.ts';

/**
 * Residual add and layer normalization in one read of the hidden state.
 *
 *     sum = x + skip
 *     y   = (sum - mean) / sqrt(variance + epsilon) · gamma + beta
 *
 * Unfused, the sum is written once and read twice: 6·n·h words. Fused: 4·n·h.
 */
export const skipLayerNorm: OpDef = {
  domain: fusedDomain,
  name: 'SkipLayerNorm',
  since: 1,
  doc: 'Residual add and layer normalization of the last axis.',
  inputs: [
    { name: 'x', doc: 'The residual, [..., h].' },
    { name: 'skip', doc: 'What is added to it, same shape.' },
    { name: 'gamma', doc: 'The learned scale, [h].' },
    { name: 'beta', doc: 'The learned offset, [h]; may be missing.' },
  ],
  outputs: [
    { name: 'y', doc: 'The normalized sum, same shape as x.' },
    { name: 'sum', doc: 'x + skip, the next residual.' },
  ],
  attributes: [{ name: 'epsilon', kind: 'float', doc: 'Added to the variance.' }],
  infer,
  reference,
  body,
  contrib,
};
