import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidates } from '../../base/decoding.ts';
import { candidatesOf } from './candidates.ts';
import { candidateCount, sample, type Sampling } from './sampling.ts';

interface Recorded extends Sampling {
  readonly logits: readonly number[];
  readonly seen: readonly number[];
  readonly repetitionPenalty: number;
  readonly kept: readonly number[];
  readonly probabilities: readonly number[];
}

const { cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/data/sampling.json'), 'utf8'),
) as { readonly cases: readonly Recorded[] };

const off: Sampling = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** Candidates that count how often all logits are asked for. */
function counted(
  logits: Float32Array,
  count: number,
): { readonly candidates: Candidates; readonly fetched: () => number } {
  let fetched = 0;
  const candidates = candidatesOf(logits, [], { count, repetitionPenalty: 1 });
  const all = (): Promise<Float32Array> => {
    fetched++;
    return candidates.all();
  };
  return { candidates: { ...candidates, all }, fetched: () => fetched };
}

describe('the tokens that are drawn', () => {
  it.each(cases.map((recorded, index) => [index, recorded] as const))(
    'are those that transformers keeps, as often as it draws them (case %i)',
    async (_, recorded) => {
      const logits = Float32Array.from(recorded.logits);
      const ask = {
        count: candidateCount(recorded),
        repetitionPenalty: recorded.repetitionPenalty,
      };
      const candidates = candidatesOf(logits, recorded.seen, ask);
      const draw = (uniform: number): Promise<number> =>
        sample(candidates, logits.length, recorded, uniform);
      // each token's part of [0, 1) lies between the sums of the probabilities around it
      let before = 0;
      for (const [place, id] of recorded.kept.entries()) {
        const after = before + (recorded.probabilities[place] ?? 0);
        expect([await draw(before + 2e-6), await draw(after - 2e-6)]).toEqual([id, id]);
        before = after;
      }
      expect(await draw(1 - 2 ** -53)).toBe(recorded.kept.at(-1));
    },
  );
});

const logitsOf = fc
  .array(fc.float({ noNaN: true, min: -20, max: 20 }), { minLength: 2, maxLength: 80 })
  .map((values) => Float32Array.from(values));

const samplings = fc.record({
  temperature: fc.double({ min: 0.1, max: 4, noNaN: true }),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  minP: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
});

const uniforms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** How many of the sorted tokens are left, by the definition of each option. */
function keptOf(logits: Float32Array, { temperature, topK, topP, minP }: Sampling): number {
  const scores = [...logits].map((logit) => logit / temperature).toSorted((a, b) => b - a);
  const [best = 0] = scores;
  const last = scores[topK === 0 ? scores.length - 1 : Math.min(topK, scores.length) - 1] ?? 0;
  const weights = scores.filter((score) => score >= last).map((score) => Math.exp(score - best));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const nucleus = weights.filter(
    (_, at) => at === 0 || weights.slice(0, at).reduce((sum, each) => sum + each, 0) < topP * total,
  );
  return (topP < 1 ? nucleus : weights).filter((weight) => weight >= minP).length;
}

describe('a choice', () => {
  it('reaches to the last token that the options keep, and no farther', async () => {
    await fc.assert(
      fc.asyncProperty(logitsOf, samplings, async (logits, sampling) => {
        const kept = keptOf(logits, sampling);
        // the weights of tokens far behind vanish in the sum
        fc.pre(kept > 0 && sampling.topP < 1 - 1e-9 && sampling.topP > 1e-9);
        const { candidates } = counted(logits, logits.length);
        const chosen = await sample(candidates, logits.length, sampling, 1 - 2 ** -53);
        const place = [...candidates.ids].indexOf(chosen);
        expect(place).toBeLessThan(kept);
        const weight = Math.exp(
          ((candidates.logits[kept - 1] ?? 0) - (candidates.logits[0] ?? 0)) / sampling.temperature,
        );
        expect(place === kept - 1 || weight < 1e-12).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is the same from a few candidates as from all logits', async () => {
    await fc.assert(
      fc.asyncProperty(
        logitsOf,
        samplings,
        fc.integer({ min: 1, max: 30 }),
        uniforms,
        async (logits, sampling, count, uniform) => {
          const few = counted(logits, count).candidates;
          const every = counted(logits, logits.length).candidates;
          const size = logits.length;
          const chosen = await sample(few, size, sampling, uniform);
          expect(chosen).toBe(await sample(every, size, sampling, uniform));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('has each token as often as its probability, where nothing is cut off', async () => {
    const logits = Float32Array.of(1, 2.5, 0.5, -1, 2);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit / 0.7), 0);
    const counts = new Map<number, number>();
    const draws = 4000;
    for (let i = 0; i < draws; i++) {
      const { candidates } = counted(logits, 3);
      const id = await sample(candidates, 5, { ...off, temperature: 0.7 }, (i + 0.5) / draws);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const [id, logit] of logits.entries()) {
      const expected = (draws * Math.exp(logit / 0.7)) / sum;
      expect(Math.abs((counts.get(id) ?? 0) - expected)).toBeLessThanOrEqual(1);
    }
  });

  it('fetches all logits only where the candidates do not decide', async () => {
    const peaked = Float32Array.from({ length: 1000 }, (_, id) => -id);
    const flat = Float32Array.from({ length: 1000 }, (_, id) => -id / 1000);
    const fetches = async (logits: Float32Array, sampling: Sampling, at = 0.5): Promise<number> => {
      const { candidates, fetched } = counted(logits, candidateCount(sampling));
      await sample(candidates, logits.length, sampling, at);
      return fetched();
    };
    for (const temperature of [0.7, 1, 1.5]) {
      expect(await fetches(peaked, { ...off, temperature })).toBe(0);
      expect(await fetches(peaked, { ...off, temperature, topP: 0.9 })).toBe(0);
      expect(await fetches(flat, { ...off, temperature, topK: 50, topP: 0.9, minP: 0.1 })).toBe(0);
      expect(await fetches(flat, { ...off, temperature })).toBe(1);
    }
    expect(await fetches(flat, off, 0.01)).toBe(0);
    expect(await fetches(flat, { ...off, minP: 0.99 })).toBe(0);
  });

  it('has what is as likely as the last of the top k, though the candidates end there', async () => {
    const tied = Float32Array.of(1, 1, 1, 1, 0);
    const { candidates, fetched } = counted(tied, candidateCount({ topK: 2 }));
    expect(await sample(candidates, 5, { ...off, topK: 2 }, 0.99)).toBe(3);
    expect(fetched()).toBe(1);
  });
});
