import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHalf } from '../../src/base/half.ts';
import type { Tensor } from '../../src/base/tensors.ts';
import { int } from '../../src/ir/attributes.ts';
import { realOf } from '../../test/agree.ts';
import { elementsOf, runKernel, sharedDevice, worstOf } from '../../test/gpu.ts';
import { inputsOf, packedRows, packedTables } from '../../test/packed-table.ts';
import { gatherBlocks } from './kernel.ts';
import { reference } from './reference.ts';

const device = sharedDevice();

test('the kernel unpacks what the reference unpacks, and leaves rows of other parts', async () => {
  const cases = fc.record({
    table: packedTables({ columns: [16, 40, 96], rows: [5, 130] }),
    scale: fc.constantFrom('f32' as const, 'pair' as const),
    output: fc.constantFrom(...elementsOf(device())),
    part: fc.constantFrom(undefined, { first: 0, count: 3 }, { first: 1, count: 3 }),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ table, picks, ...kinds }) => {
      const { bits, blockSize, blocks, columns, rows, codes, scales, zeros } = table;
      const { scale, output, part = { first: 0, count: rows } } = kinds;
      const indices = Uint32Array.from(picks, (pick) => pick % rows);
      const cut = <T extends Uint8Array | Float32Array>(all: T): T => {
        const each = all.length / rows;
        return all.slice(part.first * each, (part.first + part.count) * each) as T;
      };
      const bound = cut(Float32Array.from(scales));
      const shape = { columns, bits, blockSize, zeroPoints: zeros !== undefined, ...kinds };
      const { gathered = [] } = await runKernel(
        device(),
        gatherBlocks(shape, device().limits),
        { tokens: indices.length },
        {
          table: packedRows(cut(codes), blocks * blockSize, bits),
          scales: bytesOf(scale === 'f32' ? bound : Uint16Array.from(bound, toHalf)),
          zero_points: zeros ? packedRows(cut(zeros), blocks, bits) : Uint8Array.of(),
          indices,
          gathered: { rows: indices.length, columns, data: { length: 0 } },
        },
      );
      const ids: Tensor = {
        dtype: 'int32',
        shape: [indices.length],
        data: Int32Array.from(indices),
      };
      const [rowsOfAll] = reference(inputsOf(table, 'float32', ids).map(realOf), {
        bits: int(bits),
        block_size: int(blockSize),
        columns: int(columns),
      });
      const want = Array.from(rowsOfAll?.data ?? [], (value, i) => {
        const index = indices[Math.floor(i / columns)] ?? 0;
        return index >= part.first && index < part.first + part.count ? value : 0;
      });
      expect(worstOf(gathered, want)).toBeLessThan(output === 'f32' ? 1e-6 : 1e-3);
    }),
    { numRuns: 80 },
  );
});

function bytesOf({ buffer }: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer);
}
