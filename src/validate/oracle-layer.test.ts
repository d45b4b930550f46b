import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attend, gate, layerNorm, rotate } from './oracle-layer.ts';

const numHeads = 2;
const headDim = 4;
const width = numHeads * headDim;

function noise(tokens: number, seed: number): Float64Array {
  return Float64Array.from({ length: tokens * width }, (_, i) => Math.sin(i * 12.9898 + seed));
}

/** The same attention as a matrix of scores with a mask added, head by head. */
function byMatrix(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  visible: (query: number, key: number) => boolean,
): Float64Array {
  const tokens = q.length / width;
  const out = new Float64Array(q.length);
  for (let head = 0; head < numHeads; head++) {
    for (let query = 0; query < tokens; query++) {
      const at = (token: number, i: number): number => token * width + head * headDim + i;
      const weights = Array.from({ length: tokens }, (_, key) => {
        let score = 0;
        for (let i = 0; i < headDim; i++) score += (q[at(query, i)] ?? 0) * (k[at(key, i)] ?? 0);
        return visible(query, key) ? Math.exp(score / 2) : 0;
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < headDim; i++) {
        const mixed = weights.reduce((sum, weight, key) => sum + weight * (v[at(key, i)] ?? 0), 0);
        out[at(query, i)] = total === 0 ? 0 : mixed / total;
      }
    }
  }
  return out;
}

test('a query sees the last `window` keys, itself included, that the mask lets it see', () => {
  const cases = fc.record({
    tokens: fc.integer({ min: 1, max: 9 }),
    window: fc.constantFrom(-1, 1, 2, 3, 20),
    mask: fc.array(fc.constantFrom(0, 1), { minLength: 9, maxLength: 9 }),
  });
  fc.assert(
    fc.property(cases, ({ tokens, window, mask }) => {
      const [q, k, v] = [noise(tokens, 1), noise(tokens, 2), noise(tokens, 3)];
      const out = new Float64Array(q.length);
      attend(q, k, v, { numHeads, headDim }, { window, mask }, out);
      const expected = byMatrix(q, k, v, (query, key) => {
        const near = window < 0 || key > query - window;
        return key <= query && near && mask[key] === 1;
      });
      const worst = out.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)));
      expect(Math.max(...worst)).toBeLessThan(1e-13);
    }),
  );
});

test('a query that sees nothing yields zeros', () => {
  const x = noise(2, 1);
  const out = new Float64Array(x.length);
  attend(x, x, x, { numHeads, headDim }, { window: -1, mask: [0, 1] }, out);
  expect([...out.subarray(0, width)]).toEqual(Array.from({ length: width }, () => 0));
  expect(out.subarray(width)).toEqual(x.subarray(width));
});

test('rotation turns the first half of a head against the second', () => {
  const x = new Float64Array(2 * width);
  x[width] = 1; // position 1, head 0, first of the pair (0, 2)
  x[width + headDim + 1] = 1; // position 1, head 1, first of the pair (1, 3)
  rotate(x, width, headDim, 100);
  const turned = [Math.cos(1), 0, Math.sin(1), 0, 0, Math.cos(0.1), 0, Math.sin(0.1)];
  const worst = turned.map((value, i) => Math.abs((x[width + i] ?? Number.NaN) - value));
  expect(Math.max(...worst)).toBeLessThan(1e-8);
});

test('scores of rotated queries and keys depend on their distance only', () => {
  const same = Float64Array.from({ length: 6 * headDim }, (_, i) => Math.sin(i % headDim));
  rotate(same, headDim, headDim, 10_000);
  const score = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < headDim; i++) {
      sum += (same[a * headDim + i] ?? 0) * (same[b * headDim + i] ?? 0);
    }
    return sum;
  };
  expect(score(5, 3)).toBeCloseTo(score(2, 0), 6);
  expect(score(5, 2)).not.toBeCloseTo(score(2, 0), 3);
});

test('a norm takes the mean off, divides by the deviation, scales and shifts', () => {
  const x = Float64Array.from([1, 3, 5, 5]);
  const weight = Float32Array.from([2, 4]);
  const bias = Float32Array.from([0.5, 0]);
  expect([...layerNorm(x, weight, undefined, 0.25, new Float64Array(4))]).toEqual([
    -2 / Math.sqrt(1.25),
    4 / Math.sqrt(1.25),
    0,
    0,
  ]);
  expect([...layerNorm(x, weight, bias, 0.25, new Float64Array(4))].slice(2)).toEqual([0.5, 0]);
});

test('a gate activates the first half and multiplies with the second', () => {
  const x = Float64Array.from([1, 2, 3, 4, -1, -2, 5, 6]);
  const out = gate(x, 2, (value) => value * 10, new Float64Array(4));
  expect([...out]).toEqual([30, 80, -50, -120]);
});
