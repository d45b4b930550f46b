import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Model } from '../base/model.ts';
import { batchFor, compareModels, type TextComparison } from './compare.ts';
import { cutWindows, type Windows } from './compare-windows.ts';

const vocabulary = 7;

/** Logits that are a function of the tokens up to a position: a window's neighbors must not show. */
function logitsAt(seen: readonly number[], seed: number): readonly number[] {
  const state = seen.reduce((sum, id, at) => (31 * sum + id + at + seed) % 997, 1);
  return Array.from({ length: vocabulary }, (_, token) => Math.sin(state * (token + 1)) * 3);
}

function modelOf(seed: number, batches: number[] = []): Model {
  return {
    task: 'text-generation',
    keepsLast: true,
    run: async ({ batch, ids, mask, lastOnly }) => {
      batches.push(batch);
      expect(lastOnly ?? false).toBe(false);
      expect([...mask]).toEqual(Array.from({ length: ids.length }, () => 1n));
      const length = ids.length / batch;
      return {
        kept: length,
        cache: new Map(),
        vector: (row, at) => {
          const seen = [...ids.subarray(row * length, row * length + at + 1)].map(Number);
          return Float32Array.from(logitsAt(seen, seed));
        },
      };
    },
  };
}

/** Logarithms of probabilities, of all windows. */
function logProbabilities({ ids, length, count }: Windows, seed: number): readonly number[][] {
  return Array.from({ length: count * length }, (_, at) => {
    const start = at - (at % length);
    const seen = [...ids.subarray(start, at + 1)].map(Number);
    const logits = logitsAt(seen, seed).map(Math.fround);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    return logits.map((logit) => logit - Math.log(sum));
  });
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What a comparison should say, from all logits at once. */
function expected(windows: Windows, seeds: readonly number[]): TextComparison {
  const { ids, length } = windows;
  const all = seeds.map((seed) => logProbabilities(windows, seed));
  const base = all[0] ?? [];
  const perplexity = (logs: readonly number[][]): number =>
    Math.exp(
      -mean(
        logs.flatMap((row, at) =>
          at % length < length - 1 ? [row[Number(ids[at + 1])] ?? Number.NaN] : [],
        ),
      ),
    );
  const others = all.slice(1).map((logs) => {
    const kl = base.map((p, at) =>
      p.reduce((sum, log, token) => sum + Math.exp(log) * (log - (logs[at]?.[token] ?? 0)), 0),
    );
    const best = (row: readonly number[] = []): number => row.indexOf(Math.max(...row));
    const width = Math.ceil(length / 16);
    const bins = Array.from({ length: Math.ceil(length / width) }, (_, bin) => {
      const [from, to] = [bin * width, Math.min((bin + 1) * width, length)];
      const inside = kl.filter((_each, at) => at % length >= from && at % length < to);
      return { from, to, kl: expect.closeTo(mean(inside), 9) as number };
    });
    return {
      perplexity: expect.closeTo(perplexity(logs), 9) as number,
      kl: expect.closeTo(mean(kl), 9) as number,
      klMax: expect.closeTo(Math.max(...kl), 9) as number,
      top1: mean(base.map((p, at) => Number(best(p) === best(logs[at])))),
      klByPosition: bins,
    };
  });
  return { base: { perplexity: expect.closeTo(perplexity(base), 9) as number }, others };
}

const texts = fc.record({
  tokens: fc.array(fc.nat({ max: vocabulary - 1 }), { minLength: 45, maxLength: 130 }),
  window: fc.integer({ min: 2, max: 45 }),
  batch: fc.integer({ min: 1, max: 5 }),
});

test('figures are those of all logits at once, whatever the batch', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async ({ tokens, window, batch }) => {
      const windows = cutWindows(tokens, window);
      const done: number[] = [];
      const models = [modelOf(5), modelOf(9)];
      const found = await compareModels(modelOf(3), models, windows, {
        batch,
        onBatch: (count) => void done.push(count),
      });
      expect(found).toEqual(expected(windows, [3, 5, 9]));
      expect(done.at(-1)).toBe(windows.count);
      expect(done).toHaveLength(Math.ceil(windows.count / batch));
    }),
    { numRuns: 30 },
  );
});

test('a model has no distance from itself', async () => {
  const windows = cutWindows([1, 2, 3, 4, 5, 6, 0, 1], 4);
  const { base, others } = await compareModels(modelOf(3), [modelOf(3)], windows, { batch: 2 });
  expect(others).toMatchObject([{ ...base, kl: 0, klMax: 0, top1: 1 }]);
});

test('logits that are no numbers are infinitely far', async () => {
  const broken = modelOf(3);
  const model: Model = {
    ...broken,
    run: async (step) => {
      const outputs = await broken.run(step);
      return { ...outputs, vector: () => new Float32Array(vocabulary).fill(Number.NaN) };
    },
  };
  const windows = cutWindows([1, 2, 3, 4], 4);
  const { others } = await compareModels(modelOf(3), [model], windows, { batch: 1 });
  expect(others).toMatchObject([{ perplexity: Number.NaN, kl: Number.POSITIVE_INFINITY, top1: 0 }]);
});

test('the last batch is what is left', async () => {
  const batches: number[] = [];
  const windows = cutWindows(
    Array.from({ length: 23 }, () => 1),
    3,
  );
  await compareModels(modelOf(3, batches), [], windows, { batch: 3 });
  expect(batches).toEqual([3, 3, 1]);
});

test('logits of a step stay small: few windows of a large vocabulary', () => {
  expect(batchFor(256, 2048)).toBe(8);
  expect(batchFor(256, 16_000)).toBe(2);
  expect(batchFor(256, 50_368)).toBe(1);
  expect(batchFor(8192, 50_368)).toBe(1);
});
