import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attention, attendHeads } from './attention.ts';

const sizes = fc
  .record({
    texts: fc.integer({ min: 1, max: 3 }),
    queries: fc.integer({ min: 1, max: 7 }),
    position: fc.nat(6),
    window: fc.constantFrom(-1, 1, 3, 20),
    numHeads: fc.integer({ min: 1, max: 4 }),
    headDim: fc.constantFrom(2, 6, 16, 32),
  })
  .map((size) => ({ ...size, room: size.position + size.queries + 1 }));

/** Rows of `columns` for each head, and what would show if it were read. */
function jobOf(size: Omit<Attention, 'q' | 'keys' | 'values' | 'out' | 'farthest'>): Attention {
  const { texts, queries, room, numHeads, headDim } = size;
  const width = numHeads * headDim;
  const noise = (rows: number, step: number): Float32Array =>
    Float32Array.from({ length: texts * rows * width }, (_, i) => 3 * Math.sin(i * step));
  const [keys, values] = [noise(room, 2.3), noise(room, 0.9)];
  for (let text = 1; text <= texts; text++) {
    const [from, to] = [(text * room - 1) * width, text * room * width];
    keys.fill(Number.NaN, from, to); // no query sees the last one
    values.fill(Number.NaN, from, to);
  }
  const out = new Float32Array(texts * queries * width);
  const farthest = new Float32Array(texts * numHeads);
  return { ...size, q: noise(queries, 1.7), keys, values, out, farthest };
}

/** One query of a head in double precision: what it takes, and its farthest score. */
function plainly(job: Attention, text: number, query: number, head: number) {
  const { queries, position, room, window, numHeads, headDim, q, keys, values } = job;
  const vector = (x: Float32Array, row: number): readonly number[] => {
    const at = (row * numHeads + head) * headDim;
    return [...x.subarray(at, at + headDim)];
  };
  const own = vector(q, text * queries + query);
  const last = position + query;
  const first = window < 0 ? 0 : Math.max(0, last - window + 1);
  const seen = Array.from({ length: last + 1 - first }, (_, i) => text * room + first + i);
  const scores = seen.map((row) => {
    const sum = vector(keys, row).reduce((total, key, i) => total + key * (own[i] ?? 0), 0);
    return sum / Math.sqrt(headDim);
  });
  const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const taken = own.map(
    (_, i) =>
      seen.reduce((sum, row, k) => sum + (weights[k] ?? 0) * (vector(values, row)[i] ?? 0), 0) /
      total,
  );
  return { taken, farthest: Math.max(...scores.map(Math.abs)) };
}

test('each query takes from the keys it sees, and any cut of the heads gives the same', () => {
  fc.assert(
    fc.property(sizes, fc.nat(12), (size, at) => {
      const { texts, queries, numHeads, headDim } = size;
      const [whole, cut] = [jobOf(size), jobOf(size)];
      const heads = texts * numHeads;
      attendHeads(whole, 0, heads);
      attendHeads(cut, Math.min(at, heads), heads);
      attendHeads(cut, 0, Math.min(at, heads));
      expect([cut.out, cut.farthest]).toEqual([whole.out, whole.farthest]);
      let distance = 0;
      for (let unit = 0; unit < heads; unit++) {
        const [text, head] = [Math.floor(unit / numHeads), unit % numHeads];
        let farthest = 0;
        for (let query = 0; query < queries; query++) {
          const found = plainly(whole, text, query, head);
          farthest = Math.max(farthest, found.farthest);
          const from = ((text * queries + query) * numHeads + head) * headDim;
          for (const [i, value] of found.taken.entries()) {
            distance = Math.max(distance, Math.abs((whole.out[from + i] ?? Number.NaN) - value));
          }
        }
        expect(whole.farthest[unit]).toBeCloseTo(farthest, 4);
      }
      expect(distance).toBeLessThan(2e-5);
    }),
    { numRuns: 40 },
  );
});
