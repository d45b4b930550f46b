import type { OpDef } from '../../src/op.ts';
import { fusedDomain } from '../../src/ir/graph.ts';
import { body } from './body.ts';
import { contrib } from './contrib.ts';
import { infer } from './infer.ts';
import { reference } from './reference.ts';

/**
 * Rows of a table that is kept as codes of 4 or 8 bits, each block of a row with a scale of its own.
 * Codes, scales and zero points lie as MatMulNBits reads them, so a tied table is kept once.
 *
 *     output[…, c] = (codes[id, c] - zeros[id, block]) · scales[id, block],  block = ⌊c / block_size⌋
 *
 * Unfused, the picked rows are written and read at a dozen small nodes. Fused: codes in, floats out.
 */
export const gatherBlocks: OpDef = {
  domain: fusedDomain,
  name: 'GatherBlocks',
  since: 1,
  doc: 'Rows of a table of codes by id, as floats.',
  inputs: [
    {
      name: 'codes',
      doc: 'uint8 [R, blocks, block_size·bits/8], the first of a byte in its low bits.',
    },
    { name: 'ids', doc: 'Rows, integers [...].' },
    { name: 'scales', doc: 'One for each block, [R, blocks].' },
    {
      name: 'zeros',
      doc: 'The codes that mean 0, uint8 [R, ⌈blocks·bits/8⌉], packed as codes are; may be missing, then they are the middle code.',
    },
  ],
  outputs: [{ name: 'output', doc: 'Rows of the dtype of scales, [..., columns].' }],
  attributes: [
    { name: 'bits', kind: 'int', doc: 'Of a code: 4 or 8.' },
    { name: 'block_size', kind: 'int', doc: 'Codes with one scale.' },
    { name: 'columns', kind: 'int', doc: 'Elements of a row; the last block may have more codes.' },
  ],
  infer,
  reference,
  body,
  contrib,
};
