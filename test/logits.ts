// Rows of logits that sampling must not stumble over: ties, infinities, zeros of both signs.

import fc from 'fast-check';
import { vectorsOf } from '../src/wgsl.ts';
import { noise, realOf } from './agree.ts';

/** A row as it is drawn: a counterexample of a few words, whatever the length of the row. */
export interface LogitRecipe {
  readonly seed: number;
  readonly reach: number;
  /** Noise, coarse noise full of ties, or one value. */
  readonly base: 'fine' | 'coarse' | number;
  /** Places that hold another value. */
  readonly odd: readonly (readonly [place: number, value: number])[];
}

/** One to three rows. */
export const logitRecipes: fc.Arbitrary<readonly LogitRecipe[]> = fc.array(
  fc.record({
    seed: fc.nat(),
    reach: fc.constantFrom(1e-3, 8, 1e4),
    base: fc.constantFrom('fine' as const, 'coarse' as const, 0, -0, -5, Number.NEGATIVE_INFINITY),
    odd: fc.array(
      fc.tuple(fc.nat(), fc.constantFrom(0, -0, 3, -1e30, 3e38, Number.NEGATIVE_INFINITY)),
      { maxLength: 6 },
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

export function logitsOf(
  recipes: readonly LogitRecipe[],
  columns: number,
): readonly Float32Array[] {
  return recipes.map(({ seed, reach, base, odd }) => {
    const { data } = realOf(noise('float32', [columns], seed, reach));
    const row = Float32Array.from(data, (value) => {
      if (base === 'fine') return value;
      return base === 'coarse' ? Math.round((value / reach) * 4) : base;
    });
    for (const [place, value] of odd) row[place % columns] = value;
    return row;
  });
}

/** Rows as they lie on the GPU; what fills them up is larger than any logit. */
export function wordsOf(rows: readonly Float32Array[]): Uint32Array {
  const pitch = vectorsOf(rows[0]?.length ?? 0) * 4;
  const floats = new Float32Array(rows.length * pitch).fill(Number.POSITIVE_INFINITY);
  for (const [i, row] of rows.entries()) floats.set(row, i * pitch);
  return new Uint32Array(floats.buffer);
}
