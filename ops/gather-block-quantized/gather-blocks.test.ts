import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHalf } from '../../src/base/half.ts';
import type { Tensor } from '../../src/base/tensors.ts';
import { int } from '../../src/ir/attributes.ts';
import { contribDomain, type Model } from '../../src/ir/graph.ts';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { noise, realOf } from '../../test/agree.ts';
import { elementsOf, runKernel, testDevice, worstOf } from '../../test/gpu.ts';
import { runModel, typesOf } from '../../test/one-node.ts';
import { gatherBlocks } from './kernel.ts';
import { type BlockTable, reference } from './reference.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

const tables = fc
  .record({
    bits: fc.constantFrom(4 as const, 8 as const),
    blockSize: fc.constantFrom(16, 32, 128),
    blocks: fc.constantFrom(1, 3),
    rows: fc.constantFrom(5, 130),
    zeroPoints: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ bits, blockSize, blocks, rows, zeroPoints, seed }) => ({
    rows,
    table: {
      bits,
      blockSize,
      blocks,
      data: codes(rows * blocks * blockSize * (bits / 8), 8, seed),
      scales: realOf(noise('float16', [rows * blocks], seed + 1)).data,
      zeroPoints: zeroPoints ? codes(rows * blocks, bits, seed + 2) : undefined,
    },
  }));

test('the reference is what ONNX Runtime computes', async () => {
  const cases = fc.record({ drawn: tables, picks: fc.array(fc.nat(), { minLength: 1 }) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ drawn: { rows, table }, picks }) => {
      const indices = picks.map((pick) => pick % rows);
      const inputs = inputsOf(table, rows, indices);
      const [y] = await runModel(modelOf(table, inputs), inputs);
      expect(y?.shape).toEqual([1, indices.length, table.blocks, table.blockSize]);
      expect(worstOf(y ? realOf(y).data : [], reference(table, indices))).toBeLessThan(1e-6);
    }),
    { numRuns: 40 },
  );
});

test('the kernel unpacks what the reference unpacks, and leaves rows of other parts', async () => {
  const cases = fc.record({
    drawn: tables,
    packed: fc.boolean(),
    scale: fc.constantFrom('f32' as const, 'pair' as const),
    output: fc.constantFrom(...elementsOf(device)),
    part: fc.constantFrom(undefined, { first: 0, count: 3 }, { first: 1, count: 3 }),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ drawn: { rows, table }, packed, picks, ...kinds }) => {
      const { scale, output, part = { first: 0, count: rows } } = kinds;
      const { bits, blockSize, blocks, data, scales, zeroPoints } = table;
      const columns = blocks * blockSize;
      const indices = Uint32Array.from(picks, (pick) => pick % rows);
      const cut = <T extends Uint8Array | Float32Array | Float64Array>(all: T): T => {
        const each = all.length / rows;
        return all.slice(part.first * each, (part.first + part.count) * each) as T;
      };
      const layout = packed ? 'packed' : 'bytes';
      const zeros = zeroPoints && cut(zeroPoints);
      const { gathered = [] } = await runKernel(
        device,
        gatherBlocks(
          { columns, bits, blockSize, zeroPoints: zeros ? layout : 'none', ...kinds },
          device.limits,
        ),
        { tokens: indices.length },
        {
          table: cut(data),
          scales: scale === 'f32' ? bytesOf(Float32Array.from(cut(scales))) : halves(cut(scales)),
          zero_points:
            zeros && packed ? packedRows(zeros, blocks, bits) : (zeros ?? codes(1, 8, 0)),
          indices,
          gathered: { rows: indices.length, columns, data: { length: 0 } },
        },
      );
      const want = reference(table, indices).map((value, i) => {
        const index = indices[Math.floor(i / columns)] ?? 0;
        return index >= part.first && index < part.first + part.count ? value : 0;
      });
      expect(worstOf(gathered, want)).toBeLessThan(output === 'f32' ? 1e-6 : 1e-3);
    }),
    { numRuns: 80 },
  );
});

/** Random bytes below 2^bits. */
function codes(length: number, bits: number, seed: number): Uint8Array {
  const { data } = realOf(noise('float32', [length], seed));
  return Uint8Array.from(data, (value) => Math.floor(((value + 1) / 2) * 2 ** bits));
}

function bytesOf({ buffer }: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer);
}

function halves(values: ArrayLike<number>): Uint8Array {
  return bytesOf(Uint16Array.from(values, toHalf));
}

/** Zero points of each row one after the other in whole bytes. */
function packedRows(values: Uint8Array, columns: number, bits: number): Uint8Array {
  const pitch = Math.ceil((columns * bits) / 8);
  const packed = new Uint8Array((values.length / columns) * pitch);
  for (const [i, value] of values.entries()) {
    const bit = (i % columns) * bits;
    const byte = Math.floor(i / columns) * pitch + Math.floor(bit / 8);
    packed[byte] = (packed[byte] ?? 0) | (value << (bit % 8));
  }
  return packed;
}

function inputsOf(
  { bits, blockSize, blocks, data, scales, zeroPoints }: BlockTable,
  rows: number,
  indices: readonly number[],
): readonly Tensor[] {
  return [
    { dtype: 'uint8', shape: [rows, blocks, (blockSize * bits) / 8], data },
    { dtype: 'int64', shape: [1, indices.length], data: BigInt64Array.from(indices.map(BigInt)) },
    { dtype: 'float32', shape: [rows, blocks, 1], data: Float32Array.from(scales) },
    ...(zeroPoints
      ? [{ dtype: 'uint8', shape: [rows, blocks, 1], data: Uint8Array.from(zeroPoints) } as const]
      : []),
  ];
}

function modelOf({ bits, blockSize, blocks }: BlockTable, inputs: readonly Tensor[]): Model {
  const names = ['data', 'indices', 'scales', 'zero_points'].slice(0, inputs.length);
  const symbols = [[], [null, 'count']];
  return {
    irVersion: 10,
    opsets: { '': 21, [contribDomain]: 1 },
    producer: { name: 'test', version: '0' },
    graph: {
      name: 'gather',
      inputs: typesOf(inputs, symbols).map((type, i) => ({ name: names[i] ?? '', type })),
      outputs: [{ name: 'y', type: { dtype: 'float32', shape: [1, 'count', blocks, blockSize] } }],
      initializers: [],
      nodes: [
        {
          domain: contribDomain,
          op: 'GatherBlockQuantized',
          inputs: names,
          outputs: ['y'],
          attributes: {
            bits: int(bits),
            block_size: int(blockSize),
            gather_axis: int(0),
            quantize_axis: int(2),
          },
        },
      ],
      values: [],
    },
    functions: [],
    metadata: {},
  };
}
