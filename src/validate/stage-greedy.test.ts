import { expect, test } from 'vitest';
import type { Model, Step } from '../base/model.ts';
import type { GoldenPrompt, Ids } from './prompt.ts';
import { greedy } from './stage-greedy.ts';

function ids(...rows: readonly (readonly number[])[]): Ids {
  const shape = [rows.length, rows[0]?.length ?? 0];
  return { dtype: 'int64', shape, data: BigInt64Array.from(rows.flat(), BigInt) };
}

const vocabulary = 10;

/** Prefers the successor of every token; where `tempted`, its rival is ahead by that much. */
function counting(tempted: number, rival = 9, at = 5): Model & { readonly steps: Step[] } {
  const steps: Step[] = [];
  return {
    steps,
    task: 'text-generation',
    keepsLast: true,
    run: async (step) => {
      steps.push(step);
      const length = step.ids.length / step.batch;
      const kept = step.lastOnly === true ? 1 : length;
      return {
        kept,
        cache: new Map(),
        vector: (row, position) => {
          const token = Number(step.ids[row * length + length - kept + position]);
          const logits = new Float32Array(vocabulary);
          logits[(token + 1) % vocabulary] = 1;
          if (token === at) logits[rival] = 1 + tempted;
          return logits;
        },
      };
    },
  };
}

function prompt(inputIds: Ids, attentionMask: Ids): GoldenPrompt {
  return { name: 'p', inputIds, attentionMask };
}

test('a continuation that is the same agrees in every token', async () => {
  const model = counting(-1);
  const result = await greedy(
    model,
    prompt(ids([1, 2], [3, 4]), ids([1, 1], [1, 1])),
    ids([1, 2, 3, 4, 5], [3, 4, 5, 6, 7]),
    0.1,
  );
  expect(result).toEqual({ prompt: 'p', compared: 6, agreed: 6, ends: [] });
  expect(model.steps.map(({ mask }) => mask.length / 2)).toEqual([2, 3, 4]);
});

test('a wrong token fails its row there, and the other rows go on', async () => {
  const result = await greedy(
    counting(0.5),
    prompt(ids([1, 2], [4, 5]), ids([1, 1], [1, 1])),
    ids([1, 2, 3, 4, 5], [4, 5, 6, 7, 8]),
    0.1,
  );
  expect(result).toMatchObject({ compared: 4, agreed: 3 });
  expect(result.ends).toEqual([
    { row: 1, step: 0, chosen: 9, expected: 6, gap: 0.5, nearTie: false },
  ]);
});

test.each([
  [0.5, true],
  [0.4999, false],
])('a lead of 0.5 within a margin of %f is a near tie: %s', async (margin, nearTie) => {
  const result = await greedy(counting(0.5), prompt(ids([4]), ids([1])), ids([4, 5, 6, 7]), margin);
  expect(result).toMatchObject({ agreed: 1, compared: nearTie ? 1 : 2, ends: [{ nearTie }] });
});

test('logits that are not numbers are no near tie', async () => {
  const result = await greedy(
    counting(Number.NaN, 6),
    prompt(ids([5]), ids([1])),
    ids([5, 6]),
    Number.POSITIVE_INFINITY,
  );
  expect(result).toMatchObject({ agreed: 0, compared: 1 });
});

test('after right padding the continuation starts at the last real token', async () => {
  const model = counting(-1);
  const result = await greedy(
    model,
    prompt(ids([1, 2, 0], [3, 4, 5]), ids([1, 1, 0], [1, 1, 1])),
    ids([1, 2, 0, 3, 4], [3, 4, 5, 6, 7]),
    0.1,
  );
  expect(result.ends).toEqual([]);
  expect(model.steps[0]?.lastOnly).toBe(false);
  expect([...(model.steps[1]?.mask ?? [])].map(Number)).toEqual([1, 1, 0, 1, 1, 1, 1, 1]);
});
