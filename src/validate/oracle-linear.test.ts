import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linear, linearRange } from './oracle-linear.ts';

const dim = fc.integer({ min: 1, max: 11 });
const problem = fc.record({ rows: dim, inDim: dim, outDim: dim, seed: fc.nat(1000) });

// small integers, so that sums are exact in any order
function values(length: number, seed: number): readonly number[] {
  return Array.from({ length }, (_, i) => ((i * 37 + seed * 11) % 19) - 9);
}

function make({ rows, inDim, outDim, seed }: Problem): Made {
  const x = Float64Array.from(values(rows * inDim, seed));
  const weight = Float32Array.from(values(outDim * inDim, seed + 1));
  const expected = new Float64Array(rows * outDim);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < outDim; column++) {
      let sum = 0;
      for (let i = 0; i < inDim; i++) {
        sum += (x[row * inDim + i] ?? 0) * (weight[column * inDim + i] ?? 0);
      }
      expected[row * outDim + column] = sum;
    }
  }
  return { x, weight, expected };
}

interface Problem {
  readonly rows: number;
  readonly inDim: number;
  readonly outDim: number;
  readonly seed: number;
}

interface Made {
  readonly x: Float64Array;
  readonly weight: Float32Array;
  readonly expected: Float64Array;
}

test('the product is right for every number of rows and columns, whole blocks or not', async () => {
  await fc.assert(
    fc.asyncProperty(problem, async (sizes) => {
      const { x, weight, expected } = make(sizes);
      const out = await linear(x, sizes.rows, weight, sizes.inDim, sizes.outDim);
      expect(out).toEqual(expected);
    }),
  );
});

test('ranges of columns, computed apart, make up the product', () => {
  fc.assert(
    fc.property(problem, fc.nat(11), (sizes, split) => {
      const { x, weight, expected } = make(sizes);
      const { rows, inDim, outDim } = sizes;
      const middle = Math.min(split, outDim);
      const out = new Float64Array(rows * outDim).fill(Number.NaN);
      linearRange(x, rows, weight, inDim, outDim, middle, outDim, out);
      linearRange(x, rows, weight, inDim, outDim, 0, middle, out);
      expect(out).toEqual(expected);
    }),
  );
});

test('sums are kept in double precision', async () => {
  const x = Float64Array.from([1e9, 1, -1e9]);
  const out = await linear(x, 1, Float32Array.from([1, 1, 1]), 3, 1);
  expect(out).toEqual(Float64Array.from([1]));
});
