import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/base/tensors.ts';
import { int } from '../../src/ir/attributes.ts';
import { contribDomain, type Model, type Node } from '../../src/ir/graph.ts';
import { noise, realOf } from '../../test/agree.ts';
import { worstOf } from '../../test/gpu.ts';
import { runModel, typesOf } from '../../test/one-node.ts';
import { reference } from './reference.ts';

const names = ['x', 'codes', 'scales', 'zero_points', 'group_index', 'bias'] as const;

test('the reference is MatMulNBits as ONNX Runtime computes it', async () => {
  const draws = fc.record({
    rows: fc.integer({ min: 1, max: 3 }),
    columns: fc.constantFrom(16, 48, 70, 128, 200),
    outputs: fc.constantFrom(1, 3, 8, 33),
    bits: fc.constantFrom(4, 8),
    blockSize: fc.constantFrom(16, 32, 64, 128),
    zeroPoints: fc.boolean(),
    bias: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(draws, async (draw) => {
      const { rows, columns, outputs, bits, blockSize, zeroPoints, bias, seed } = draw;
      const blocks = Math.ceil(columns / blockSize);
      const attributes = {
        K: int(columns),
        N: int(outputs),
        bits: int(bits),
        block_size: int(blockSize),
      };
      const inputs: readonly (Tensor | undefined)[] = [
        noise('float32', [rows, columns], seed),
        bytes([outputs, blocks, (blockSize * bits) / 8], seed + 1),
        noise('float32', [outputs, blocks], seed + 2, 2 ** (1 - bits)),
        zeroPoints ? bytes([outputs, Math.ceil((blocks * bits) / 8)], seed + 3) : undefined,
        undefined,
        bias ? noise('float32', [outputs], seed + 4) : undefined,
      ];
      const given = inputs.filter((input) => input !== undefined);
      const [got] = await runModel(modelOf(inputs, attributes, [rows, outputs]), given);
      const [want] = reference(
        inputs.map((input) => input && realOf(input)),
        attributes,
      );
      expect(got?.shape).toEqual(want?.shape);
      expect(got && worstOf(realOf(got).data, want?.data ?? [])).toBeLessThan(1e-5);
    }),
    { numRuns: 60 },
  );
});

function bytes(shape: readonly number[], seed: number): Tensor {
  const { data } = noise('float32', shape, seed);
  return {
    dtype: 'uint8',
    shape,
    data: Uint8Array.from({ length: data.length }, (_, i) => Number(data[i]) * 128 + 128),
  };
}

function modelOf(
  inputs: readonly (Tensor | undefined)[],
  attributes: Node['attributes'],
  shape: readonly number[],
): Model {
  const given = inputs.flatMap((input, i) =>
    input ? typesOf([input]).map((type) => ({ name: names[i] ?? '', type })) : [],
  );
  const node: Node = {
    domain: contribDomain,
    op: 'MatMulNBits',
    inputs: inputs.map((input, i) => (input ? (names[i] ?? '') : '')),
    outputs: ['y'],
    attributes,
  };
  return {
    irVersion: 10,
    opsets: { '': 21, [contribDomain]: 1 },
    producer: { name: 'test', version: '0' },
    graph: {
      name: 'product',
      inputs: given,
      outputs: [{ name: 'y', type: { dtype: 'float32', shape } }],
      initializers: [],
      nodes: [node],
      values: [],
    },
    functions: [],
    metadata: {},
  };
}
