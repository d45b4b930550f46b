import fc from 'fast-check';
import { expect, test } from 'vitest';
import { productColumns } from './products.ts';

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  inDim: fc.integer({ min: 1, max: 20 }),
  outDim: fc.integer({ min: 1, max: 9 }),
  cut: fc.nat(9),
});

test('a product is the sum it stands for, and the same in any cut of its columns', () => {
  fc.assert(
    fc.property(sizes, ({ rows, inDim, outDim, cut }) => {
      const x = Float32Array.from({ length: rows * inDim }, (_, i) => Math.sin(i * 1.7));
      const weight = Float32Array.from({ length: outDim * inDim }, (_, i) => Math.cos(i * 2.3));
      const [whole, cutOut] = [1, 2].map(() => new Float32Array(rows * outDim));
      if (!whole || !cutOut) return;
      const at = Math.min(cut, outDim);
      productColumns({ x, rows, weight, inDim, outDim, out: whole }, 0, outDim);
      productColumns({ x, rows, weight, inDim, outDim, out: cutOut }, at, outDim);
      productColumns({ x, rows, weight, inDim, outDim, out: cutOut }, 0, at);
      expect(cutOut).toEqual(whole);
      for (const [place, value] of whole.entries()) {
        const [row, column] = [Math.floor(place / outDim), place % outDim];
        let sum = 0;
        for (let i = 0; i < inDim; i++) {
          sum += (x[row * inDim + i] ?? 0) * (weight[column * inDim + i] ?? 0);
        }
        expect(value).toBe(Math.fround(sum));
      }
    }),
  );
});
