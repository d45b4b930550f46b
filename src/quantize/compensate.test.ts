import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHalf, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { BlockRows, blocksPerRow } from './block-rows.ts';
import { compensate, type Compensation } from './compensate.ts';
import { inverseFactor } from './inverse-factor.ts';
import { packCodes } from './pack-codes.ts';

const schemes = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32, 64),
  symmetric: fc.boolean(),
});

/** Numbers between -1 and 1 that a seed decides. */
function noise(size: number, seed: number): Float32Array {
  let state = 2 * seed + 1;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The sum of x xᵀ over inputs that have few causes, and a little on the diagonal. */
function momentsOf(columns: number, seed: number): Float64Array {
  const causes = noise(8 * columns, seed);
  const sum = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      for (let k = 0; k < 8; k++) {
        const product = (causes[k * columns + i] ?? 0) * (causes[k * columns + j] ?? 0);
        sum[i * columns + j] = (sum[i * columns + j] ?? 0) + product;
      }
      if (i === j) sum[i * columns + j] = (sum[i * columns + j] ?? 0) + 0.05;
    }
  }
  return sum;
}

function jobOf(
  weights: Float32Array,
  columns: number,
  scheme: BlockScheme,
  moments: Float64Array,
): Compensation {
  const blocks = (weights.length / columns) * blocksPerRow(columns, scheme);
  const factor = new Float64Array(columns * columns);
  inverseFactor(moments, columns, factor);
  return {
    scheme,
    columns,
    factor,
    weights: weights.slice(),
    codes: new Uint8Array(blocks * scheme.blockSize),
    scales: new Float32Array(blocks),
    zeros: new Uint8Array(blocks),
  };
}

/** Σ d H dᵀ over rows of differences. */
function loss(a: Float32Array, b: Float32Array, columns: number, moments: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < a.length; row += columns) {
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) {
        const [di, dj] = [row + i, row + j].map((at) => (a[at] ?? 0) - (b[at] ?? 0));
        sum += (di ?? 0) * (dj ?? 0) * (moments[i * columns + j] ?? 0);
      }
    }
  }
  return sum;
}

/** What comes back from rounding without compensation. */
function plainly(weights: Float32Array, columns: number, scheme: BlockScheme): Float32Array {
  const plain = jobOf(weights, columns, scheme, identity(columns));
  compensate(plain, 0, weights.length / columns);
  return plain.weights;
}

function identity(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
}

const matrices = fc.record({
  scheme: schemes,
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.integer({ min: 1, max: 101 }),
  seed: fc.nat(2 ** 20),
});

test('errors weigh less than without compensation, by what the inputs are', () => {
  const found: number[] = [];
  fc.assert(
    fc.property(matrices, fc.integer({ min: 9, max: 101 }), ({ scheme, seed }, columns) => {
      const rows = 12;
      const weights = noise(rows * columns, seed);
      const moments = momentsOf(columns, seed + 1);
      const job = jobOf(weights, columns, scheme, moments);
      compensate(job, 0, rows);
      const plain = loss(plainly(weights, columns, scheme), weights, columns, moments);
      const own = loss(job.weights, weights, columns, moments);
      expect(own).toBeLessThan(plain);
      found.push(own / plain);
    }),
    { numRuns: 60 },
  );
  expect(found.reduce((sum, ratio) => sum + ratio, 0) / found.length).toBeLessThan(0.35);
});

test('where no input says anything of another, codes are those of plain rounding', () => {
  fc.assert(
    fc.property(matrices, ({ scheme, rows, columns, seed }) => {
      const weights = noise(rows * columns, seed);
      const job = jobOf(weights, columns, scheme, identity(columns));
      compensate(job, 0, rows);
      const blocks = new BlockRows(scheme, { rows, columns });
      expect(packCodes(job.codes, scheme)).toEqual(blocks.add(weights, 'w').slice());
      expect(job.scales).toEqual(blocks.scales);
      expect(job.zeros).toEqual(blocks.zeros);
    }),
  );
});

test('weights become what their codes mean, with scales that half precision holds', () => {
  fc.assert(
    fc.property(matrices, ({ scheme, rows, columns, seed }) => {
      const job = jobOf(noise(rows * columns, seed), columns, scheme, momentsOf(columns, seed));
      compensate(job, 0, rows);
      const blocks = blocksPerRow(columns, scheme);
      for (const [at, weight] of job.weights.entries()) {
        const [row, column] = [Math.floor(at / columns), at % columns];
        const block = row * blocks + Math.floor(column / scheme.blockSize);
        const code = job.codes[block * scheme.blockSize + (column % scheme.blockSize)] ?? 0;
        const scale = job.scales[block] ?? 0;
        expect(weight).toBe(Math.fround((code - (job.zeros[block] ?? 0)) * scale));
        expect(fromHalf(toHalf(scale))).toBe(scale);
      }
      expect(Math.max(...job.codes, ...job.zeros)).toBeLessThan(2 ** scheme.bits);
    }),
    { numRuns: 40 },
  );
});

test('any cut of the rows gives the same', () => {
  fc.assert(
    fc.property(matrices, fc.nat(9), ({ scheme, rows, columns, seed }, at) => {
      const weights = noise(rows * columns, seed);
      const [whole, cut] = [1, 2].map(() => {
        return jobOf(weights, columns, scheme, momentsOf(columns, seed));
      });
      if (!whole || !cut) return;
      compensate(whole, 0, rows);
      compensate(cut, Math.min(at, rows), rows);
      compensate(cut, 0, Math.min(at, rows));
      expect(cut).toEqual(whole);
    }),
    { numRuns: 40 },
  );
});

test('every code is the nearest one after all errors before it', () => {
  fc.assert(
    fc.property(matrices, ({ scheme, columns, seed }) => {
      const weights = noise(columns, seed);
      const job = jobOf(weights, columns, scheme, momentsOf(columns, seed));
      compensate(job, 0, 1);
      const row = Float64Array.from(weights);
      for (let at = 0; at < columns; at++) {
        const scale = job.scales[Math.floor(at / scheme.blockSize)] ?? 0;
        const zero = job.zeros[Math.floor(at / scheme.blockSize)] ?? 0;
        const exact = (row[at] ?? 0) / scale + zero;
        const inRange = Math.min(Math.max(exact, 0), 2 ** scheme.bits - 1);
        const code = job.codes[at] ?? 0;
        expect(Math.abs(code - inRange)).toBeLessThan(0.5 + 1e-6);
        const error = ((exact - code) * scale) / (job.factor[at * columns + at] ?? 1);
        for (let k = at + 1; k < columns; k++) {
          row[k] = (row[k] ?? 0) - error * (job.factor[at * columns + k] ?? 0);
        }
      }
    }),
  );
});
