import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { weightRow } from '../../ops/matmul-nbits/reference.ts';
import { fromHalf, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { BlockRows, blocksPerRow, codeBytes } from './block-rows.ts';

const schemes = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32, 64, 128),
  symmetric: fc.boolean(),
});

/** Reproducible weights between -1 and 1, more of them small than large. */
function weightsOf(size: number, seed: number): Float32Array {
  let state = seed * 2 + 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: size }, () => (next() + next()) * (0.5 + next()));
}

interface Matrix {
  readonly scheme: BlockScheme;
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float32Array;
}

const matrices: fc.Arbitrary<Matrix> = fc
  .record({
    scheme: schemes,
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 150 }),
    seed: fc.nat(2 ** 20),
    size: fc.constantFrom(0.05, 1, 100),
  })
  .map(({ seed, size, ...matrix }) => ({
    ...matrix,
    weights: weightsOf(matrix.rows * matrix.columns, seed).map((weight) => weight * size),
  }));

/** What a runtime reads back, row by row. */
function readBack({ scheme, rows, columns, weights }: Matrix): readonly Float64Array[] {
  const blocks = new BlockRows(scheme, { rows, columns });
  const codes = blocks.add(weights, 'w');
  const { scales } = blocks;
  const zeroPoints = scheme.symmetric ? undefined : blocks.packedZeros(true);
  return Array.from({ length: rows }, (_, row) =>
    weightRow({ ...scheme, columns, codes, scales, zeroPoints }, row),
  );
}

/** Σ(x - back)² */
function errorOf({ columns, weights }: Matrix, back: readonly Float64Array[]): number {
  return back.reduce(
    (sum, row, r) =>
      sum + row.reduce((all, x, i) => all + (x - (weights[r * columns + i] ?? 0)) ** 2, 0),
    0,
  );
}

/** The same of codes that simply reach as far as the block does. */
function plainError({ scheme, rows, columns, weights }: Matrix): number {
  const most = 2 ** scheme.bits - 1;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < columns; at += scheme.blockSize) {
      const end = row * columns + Math.min(at + scheme.blockSize, columns);
      const block = [...weights.subarray(row * columns + at, end)];
      const peak = block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
      const [least, largest] = [Math.min(0, ...block), Math.max(0, ...block)];
      const middle = (most + 1) / 2;
      const scale = scheme.symmetric ? -peak / middle : (largest - least) / most;
      const zero = scheme.symmetric ? middle : Math.round(-least / scale);
      for (const x of block) {
        const code = Math.min(Math.max(Math.round(x / scale) + zero, 0), most);
        sum += (x - (code - zero) * scale) ** 2;
      }
    }
  }
  return sum;
}

describe('blocks', () => {
  test('come back nearer than codes that reach as far as the block does', () => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const own = errorOf(matrix, readBack(matrix));
        // half scales are a little off the best ones, and more so below the normal halves
        const size = matrix.weights.reduce((sum, x) => sum + x * x, 0);
        const lost = size * 2 ** -20 + matrix.weights.length * 2 ** -34;
        expect(own).toBeLessThanOrEqual(plainError(matrix) + lost);
      }),
    );
  });

  test('of many weights lose a twentieth less than plain ones, at four bits', () => {
    const matrix = { rows: 64, columns: 256, weights: weightsOf(64 * 256, 1) };
    for (const symmetric of [true, false]) {
      const cut = { ...matrix, scheme: { bits: 4, blockSize: 32, symmetric } as const };
      expect(errorOf(cut, readBack(cut))).toBeLessThan(0.95 * plainError(cut));
    }
  });

  test('are the same whatever rows come together', () => {
    fc.assert(
      fc.property(matrices, ({ scheme, rows, columns, weights }) => {
        const whole = new BlockRows(scheme, { rows, columns });
        const single = new BlockRows(scheme, { rows, columns });
        const codes = whole.add(weights, 'w');
        const found: number[] = [];
        for (let row = 0; row < rows; row++) {
          found.push(...single.add(weights.subarray(row * columns, (row + 1) * columns), 'w'));
        }
        expect(found).toEqual([...codes]);
        expect(codes).toHaveLength(rows * codeBytes(columns, scheme));
        expect(single.scales).toEqual(whole.scales);
        expect(single.zeros).toEqual(whole.zeros);
      }),
    );
  });

  test('have scales that half precision holds exactly', () => {
    fc.assert(
      fc.property(matrices, ({ scheme, rows, columns, weights }) => {
        const blocks = new BlockRows(scheme, { rows, columns });
        blocks.add(weights, 'w');
        expect(blocks.scales).toHaveLength(rows * blocksPerRow(columns, scheme));
        for (const scale of blocks.scales) expect(fromHalf(toHalf(scale))).toBe(scale);
      }),
    );
  });

  test('of zeros, and of weights below the least half, come back as zeros', () => {
    fc.assert(
      fc.property(schemes, fc.constantFrom(0, 1e-12), (scheme, value) => {
        const weights = new Float32Array(3 * 40).fill(value);
        for (const row of readBack({ scheme, rows: 3, columns: 40, weights })) {
          expect(row.every((back) => back === 0)).toBe(true);
        }
      }),
    );
  });

  test.each([Number.NaN, Number.NEGATIVE_INFINITY, 3e38])('cannot hold %d', (value) => {
    for (const symmetric of [true, false]) {
      const scheme = { bits: 4, blockSize: 32, symmetric } as const;
      const weights = weightsOf(64, 5);
      weights[40] = value;
      const blocks = new BlockRows(scheme, { rows: 1, columns: 64 });
      expect(() => blocks.add(weights, 'layers.0.w')).toThrow(
        expect.objectContaining({
          code: 'WEIGHT_OVERFLOW',
          where: { tensor: 'layers.0.w', value: Math.fround(value) },
          fix: expect.stringMatching(
            value === 3e38 ? /^convert with --keep layers.0.w=fp32$/ : /^mend the checkpoint, or/,
          ),
        }),
      );
    }
  });
});
