import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BlockScheme } from '../ir/graph.ts';
import { BlockRows } from './block-rows.ts';
import { fromCodes } from './from-codes.ts';

const schemes = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32),
  symmetric: fc.boolean(),
});

function back(scheme: BlockScheme, columns: number, weights: Float32Array): Float32Array {
  const rows = new BlockRows(scheme, { rows: weights.length / columns, columns });
  const codes = rows.add(weights, 'w');
  const out = new Float32Array(weights.length);
  fromCodes({ scheme, columns, codes, scales: rows.scales, zeros: rows.zeros }, out);
  return out;
}

test('codes mean weights that are a part of a block’s range away from what they were', () => {
  fc.assert(
    fc.property(schemes, fc.integer({ min: 1, max: 70 }), fc.integer(), (scheme, columns, seed) => {
      const weights = Float32Array.from({ length: 3 * columns }, (_, i) => Math.sin(seed + 7 * i));
      const found = back(scheme, columns, weights);
      // whoever mixes up codes, scales or rows is off by as much as the weights themselves
      const allowed = scheme.bits === 8 ? 0.02 : 0.32;
      for (const [i, value] of found.entries()) {
        expect(Math.abs(value - (weights[i] ?? 0))).toBeLessThan(allowed);
      }
    }),
  );
});
