import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatShape, type Tensor } from '../../src/base/tensors.ts';
import { int } from '../../src/ir/attributes.ts';
import type { Attributes } from '../../src/ir/graph.ts';
import { expectAgreement, realOf } from '../../test/agree.ts';
import { inputsOf, packedTables, type PackedTable } from '../../test/packed-table.ts';
import { gatherBlocks } from './op.ts';

const attributesOf = ({ bits, blockSize, columns }: PackedTable): Attributes => ({
  bits: int(bits),
  block_size: int(blockSize),
  columns: int(columns),
});

const drawn = (dtype: 'float32' | 'float16') =>
  fc
    .record({
      table: packedTables({ columns: [16, 33, 80], rows: [1, 9] }),
      picks: fc.array(fc.nat(), { maxLength: 6 }),
      deep: fc.boolean(),
    })
    .map(({ table, picks, deep }) => {
      const ids = BigInt64Array.from(picks, (pick) => BigInt(pick % table.rows));
      const shape = deep ? [1, ids.length] : [ids.length];
      const inputs = inputsOf(table, dtype, { dtype: 'int64', shape, data: ids });
      const rows = ['rows', null];
      const symbols = [rows, shape.map((_, axis) => `axis_${axis}`), rows, rows];
      return { inputs, attributes: attributesOf(table), symbols: symbols.slice(0, inputs.length) };
    });

// What is rounded is one product: bodies may stray from the reference by half of the last bit.
test('both bodies give the rows of the reference, rounded once', async () => {
  await expectAgreement(gatherBlocks, drawn('float32'), { tolerance: 2 ** -24, runs: 120 });
});

test('the same in half', async () => {
  await expectAgreement(gatherBlocks, drawn('float16'), { tolerance: 2 ** -11, runs: 80 });
});

test('the reference is (code - zero) · scale of the block', () => {
  fc.assert(
    fc.property(packedTables({ columns: [1, 31, 32, 80], rows: [3] }), (table) => {
      const { rows, columns, blockSize, blocks, bits, codes, scales, zeros } = table;
      const ids: Tensor = { dtype: 'int32', shape: [2], data: Int32Array.of(rows - 1, -rows) };
      const inputs = inputsOf(table, 'float32', ids).map(realOf);
      const [output] = gatherBlocks.reference(inputs, attributesOf(table));
      const want = [rows - 1, 0].flatMap((row) =>
        Array.from({ length: columns }, (_, column) => {
          const block = row * blocks + Math.floor(column / blockSize);
          const code = codes[row * blocks * blockSize + column] ?? Number.NaN;
          return (code - (zeros?.[block] ?? 2 ** (bits - 1))) * (scales[block] ?? Number.NaN);
        }),
      );
      expect(output).toEqual({ shape: [2, columns], data: Float64Array.from(want) });
    }),
  );
});

test('a row that the table lacks is refused', () => {
  const inputs = [[2, 1, 16], [1], [2, 1]].map((shape) => ({
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b)).fill(2),
  }));
  const attributes = { bits: int(4), block_size: int(32), columns: int(32) };
  expect(() => gatherBlocks.reference(inputs, attributes)).toThrow('index 2 of 2 elements');
});

test('errors name the operator, the input and the rule', () => {
  const codes = { dtype: 'uint8', shape: [5, 3, 16] } as const;
  const ids = { dtype: 'int64', shape: ['batch', 's'] } as const;
  const scales = { dtype: 'float16', shape: [5, 3] } as const;
  const zeros = { dtype: 'uint8', shape: [5, 2] } as const;
  const attributes = { bits: int(4), block_size: int(32), columns: int(80) };
  const infer = (changes: Readonly<Record<string, object>>, changed: Attributes = {}): string => {
    const inputs = Object.values({ codes, ids, scales, zeros, ...changes });
    const call = { inputs, attributes: { ...attributes, ...changed } };
    const [type] = gatherBlocks.infer(call as Parameters<typeof gatherBlocks.infer>[0]);
    return `${type?.dtype} ${formatShape(type?.shape ?? [])}`;
  };
  expect(infer({})).toBe('float16 batch×s×80');
  const cases: readonly (readonly [object, Attributes, string])[] = [
    [{ codes: { ...codes, dtype: 'int32' } }, {}, 'codes must be uint8'],
    [{ codes: { ...codes, shape: [5, 3, 8] } }, {}, 'codes must be 3 blocks of 16 bytes'],
    [{ ids: { ...ids, dtype: 'float32' } }, {}, 'ids must be integers'],
    [{ scales: { ...scales, dtype: 'uint8' } }, {}, 'scales must be float32 or float16'],
    [{ scales: { ...scales, shape: [4, 3] } }, {}, 'scales must be one for each block'],
    [{ zeros: { ...zeros, dtype: 'uint4' } }, {}, 'zeros must be uint8'],
    [{ zeros: { ...zeros, shape: [5, 3] } }, {}, 'zeros must be 2 bytes a row'],
    [{}, { bits: int(3) }, 'codes must have 4 or 8 bits'],
    [{}, { block_size: int(0) }, 'blocks must have an even number of codes'],
    [{}, { columns: int(128) }, 'codes must be 4 blocks of 16 bytes'],
  ];
  for (const [changes, changed, rule] of cases) {
    expect(() => infer({ ...changes }, changed)).toThrow(`GatherBlocks: ${rule}`);
  }
});
