import fc from 'fast-check';
import { expect, test } from 'vitest';
import { productColumns } from './products.ts';

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  inDim: fc.integer({ min: 1, max: 20 }),
  outDim: fc.integer({ min: 1, max: 9 }),
  cut: fc.nat(9),
});

interface Size {
  readonly rows: number;
  readonly inDim: number;
  readonly outDim: number;
}

function productOf({ rows, inDim, outDim }: Size, cut: number) {
  const x = Float32Array.from({ length: rows * inDim }, (_, i) => Math.sin(i * 1.7));
  const weight = Float32Array.from({ length: outDim * inDim }, (_, i) => Math.cos(i * 2.3));
  const out = new Float32Array(rows * outDim);
  productColumns({ x, rows, weight, inDim, outDim, out }, cut, outDim);
  productColumns({ x, rows, weight, inDim, outDim, out }, 0, cut);
  return { x, weight, out };
}

/** A sum in single precision as four lanes make it. */
function sumOf(inDim: number, term: (i: number) => number): number {
  const lanes = new Float32Array(4);
  for (let i = 0; i < inDim; i++) lanes[i % 4] = (lanes[i % 4] ?? 0) + Math.fround(term(i));
  const [a = 0, b = 0, c = 0, d = 0] = lanes;
  return Math.fround(Math.fround(a + b) + Math.fround(c + d));
}

test('a product is the sum it stands for, and the same in any cut of its columns', () => {
  fc.assert(
    fc.property(sizes, ({ cut, ...size }) => {
      const { inDim, outDim } = size;
      const { x, weight, out } = productOf(size, Math.min(cut, outDim));
      for (const [place, value] of out.entries()) {
        const [row, column] = [Math.floor(place / outDim), place % outDim];
        const term = (i: number): number =>
          (x[row * inDim + i] ?? 0) * (weight[column * inDim + i] ?? 0);
        expect(value).toBe(sumOf(inDim, term));
      }
    }),
  );
});

test('a product that does not fit into the memory of the loop is done in parts', () => {
  const size = { rows: 6, inDim: 70_001, outDim: 5 };
  const { x, weight, out } = productOf(size, 3);
  const { inDim, outDim } = size;
  for (const [row, column] of [
    [0, 0],
    [3, 2],
    [4, 1],
    [5, 4],
  ] as const) {
    const term = (i: number): number =>
      (x[row * inDim + i] ?? 0) * (weight[column * inDim + i] ?? 0);
    expect(out[row * outDim + column]).toBe(sumOf(inDim, term));
  }
});
