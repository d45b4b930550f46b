import type { OpDef } from '../../src/op.ts';
import { fusedDomain } from '../../src/ir/graph.ts';
import { body } from './body.ts';
import { contrib } from './contrib.ts';
import { infer } from './infer.ts';
import { reference } from './reference.ts';

/**
 * Attention with its cache, rotary embedding and sliding window in one pass over the keys.
 *
 * Row b's S tokens take slots of the cache: slots 0 … S - 1 in a prompt (S = total), else
 * seqlens_k[b] + 1 - S … seqlens_k[b]. A token's rotary position is its slot, and keys are cached
 * after rotation. The query in slot q sees the key in slot j where
 *
 *     j ≤ q,  j ≤ seqlens_k[b],  and  j > q - window unless the window is -1
 *     output = softmax(scale · q kᵀ over visible j) v,  0 where no key is visible
 *
 * present has R = max(P, total) rows; rows after seqlens_k[b] are finite and otherwise unspecified.
 * total is at most P + S.
 *
 * Unfused, scores and probabilities are written and read: 4·N·S·R words a layer. Fused: none.
 */
export const fusedAttention: OpDef = {
  domain: fusedDomain,
  name: 'FusedAttention',
  since: 1,
  doc: 'Causal attention over a cache, with rotary embedding and a sliding window.',
  inputs: [
    { name: 'qkv', doc: 'Queries, keys and values before rotation, [B, S, 3·N·d].' },
    { name: 'past_key', doc: 'Keys after rotation, [B, N, P, d].' },
    { name: 'past_value', doc: 'Values, [B, N, P, d].' },
    { name: 'seqlens_k', doc: 'The last slot to attend to, int32 [B].' },
    { name: 'total', doc: 'Tokens so far with these, padding included, int32 scalar.' },
    { name: 'cos', doc: 'Cosines by position, [positions, d / 2].' },
    { name: 'sin', doc: 'Sines by position, [positions, d / 2].' },
  ],
  outputs: [
    { name: 'output', doc: 'Heads side by side, [B, S, N·d].' },
    { name: 'present_key', doc: 'past_key with the keys of these tokens, [B, N, R, d].' },
    { name: 'present_value', doc: 'past_value with the values of these tokens, [B, N, R, d].' },
  ],
  attributes: [
    { name: 'num_heads', kind: 'int', doc: 'N.' },
    { name: 'scale', kind: 'float', doc: 'Factor of the scores, 1 / sqrt(d).' },
    { name: 'window', kind: 'int', doc: 'Keys a query sees, itself included; -1 for all.' },
  ],
  infer,
  reference,
  body,
  contrib,
};
