import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noise } from '../../../test/agree.ts';
import { bytes, floats, seeds, testStandard } from '../../../test/standard-call.ts';
import { int } from '../../ir/attributes.ts';
import { contribDomain } from '../../ir/graph.ts';
import { blockKernels, dequantizeKernels } from './quantized.ts';
import { valueOf } from './tensors.ts';

const blocksOf = fc.record({
  bits: fc.constantFrom(4, 8),
  blockSize: fc.constantFrom(16, 32, 64),
  columns: fc.constantFrom(16, 33, 80, 130),
  rows: fc.integer({ min: 1, max: 9 }),
  zeros: fc.boolean(),
  seed: seeds,
});

const matMulNBits = fc
  .record({ blocks: blocksOf, biased: fc.boolean(), stack: fc.integer({ min: 1, max: 3 }) })
  .map(({ blocks: { bits, blockSize, columns, rows, zeros, seed }, biased, stack }) => {
    const blocks = Math.ceil(columns / blockSize);
    return {
      inputs: [
        noise('float32', [stack, 2, columns], seed),
        bytes([rows, blocks, (blockSize * bits) / 8], seed + 1),
        noise('float32', [rows, blocks], seed + 2, 2 ** (1 - bits)),
        zeros ? bytes([rows, Math.ceil((blocks * bits) / 8)], seed + 3) : null,
        null,
        ...(biased ? [floats([rows], seed + 4)] : []),
      ],
      attributes: {
        K: int(columns),
        N: int(rows),
        bits: int(bits),
        block_size: int(blockSize),
        accuracy_level: int(1),
      },
    };
  });

const dequantizeLinear = fc
  .record({ blocks: blocksOf, axis: fc.constantFrom(0, 1, -1) })
  .map(({ blocks: { blockSize, columns, rows, zeros, seed }, axis }) => {
    const shape = axis === 0 ? [columns, rows] : [rows, columns];
    const blocks = shape.with(axis, Math.ceil(columns / blockSize));
    return {
      inputs: [
        bytes(shape, seed),
        floats(blocks, seed + 1),
        ...(zeros ? [bytes(blocks, seed + 2)] : []),
      ],
      attributes: { axis: int(axis), block_size: int(blockSize) },
    };
  });

testStandard(blockKernels, { MatMulNBits: matMulNBits }, contribDomain);

testStandard(dequantizeKernels, { DequantizeLinear: dequantizeLinear });

describe('codes that do not fit', () => {
  const attributes = { K: int(32), N: int(2), bits: int(4), block_size: int(32) };
  const node = { domain: contribDomain, op: '', inputs: [], outputs: [], attributes };
  const compute = (name: string, ...inputs: Parameters<typeof valueOf>[0][]): unknown =>
    blockKernels[name]?.compute(inputs.map(valueOf), node);

  test('are refused', () => {
    const [x, scales] = [floats([1, 32], 1), floats([2, 1], 2)];
    expect(() => compute('MatMulNBits', x, bytes([2, 1, 8], 3), scales)).toThrow('8 is not 16');
    expect(() => compute('MatMulNBits', floats([1, 31], 1), bytes([2, 1, 16], 3), scales)).toThrow(
      '1×31 times 32',
    );
  });
});
