// The greedy continuation, token by token. Where the two best logits are so close that the measured
// difference may swap them, either token is right; the rows then part, and the comparison ends.

import { asRecorded, withColumn } from './batch.ts';
import { bestTwo } from './metrics.ts';
import type { Model } from '../base/model.ts';
import type { GoldenPrompt, Ids } from './prompt.ts';

export interface GreedyEnd {
  readonly row: number;
  /** Which token of the continuation, from 0. */
  readonly step: number;
  readonly chosen: number;
  readonly expected: number;
  /** By how much the chosen token's logit is above the expected one's. */
  readonly gap: number;
  readonly nearTie: boolean;
}

export interface GreedyResult {
  readonly prompt: string;
  /** Tokens compared; a near tie is not. */
  readonly compared: number;
  readonly agreed: number;
  /** Rows that ended before the golden's continuation did. */
  readonly ends: readonly GreedyEnd[];
}

/** Feeds the golden's tokens and compares the model's choices; within `margin` is a near tie. */
export async function greedy(
  model: Model,
  prompt: GoldenPrompt,
  expected: Ids,
  margin: number,
): Promise<GreedyResult> {
  const [, total = 0] = expected.shape;
  const { rows, length, ids, mask: promptMask, starts } = asRecorded(prompt);
  const ends = new Map<number, GreedyEnd>();
  let agreed = 0;
  let mask = promptMask;
  const lasts = rows.map((row, index) => (starts[index] ?? 0) + row.ids.length - 1);
  const lastOnly = model.keepsLast && lasts.every((last) => last === length - 1);
  let outputs = await model.run({ batch: rows.length, ids, mask, lastOnly });
  let at = lasts.map((last) => last - (length - outputs.kept));
  for (let step = 0; length + step < total && ends.size < rows.length; step++) {
    if (step > 0) {
      const before = rows.map((_, row) => expected.data[row * total + length + step - 1] ?? 0n);
      mask = withColumn(
        mask,
        rows.map(() => 1n),
      );
      const { cache } = outputs;
      outputs = await model.run({
        batch: rows.length,
        ids: BigInt64Array.from(before),
        mask,
        cache,
      });
      at = rows.map(() => 0);
    }
    for (const row of rows.keys()) {
      if (ends.has(row)) continue;
      const id = Number(expected.data[row * total + length + step]);
      const end = chooseToken(outputs.vector(row, at[row] ?? 0), id, margin);
      if (end === undefined) agreed++;
      else ends.set(row, { row, step, ...end });
    }
  }
  const wrong = [...ends.values()].filter(({ nearTie }) => !nearTie).length;
  return { prompt: prompt.name, compared: agreed + wrong, agreed, ends: [...ends.values()] };
}

/** How the model's choice differs from the golden's; undefined where it does not. */
function chooseToken(
  logits: Float32Array,
  expected: number,
  margin: number,
): Omit<GreedyEnd, 'row' | 'step'> | undefined {
  const [chosen] = bestTwo(logits);
  if (chosen === expected) return undefined;
  const gap = (logits[chosen] ?? Number.NaN) - (logits[expected] ?? Number.NaN);
  return { chosen, expected, gap, nearTie: gap <= margin };
}
