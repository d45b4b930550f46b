// Models held against a base model on a text, as perplexity is usually measured: batch of windows
// after batch, so that a text of any length needs the memory of one batch.

import type { Model } from '../base/model.ts';
import { type Distance, type Prediction, predictionOf, Tally } from './compare-tally.ts';
import type { Windows } from './compare-windows.ts';

export interface CompareOptions {
  /** Windows of one step. */
  readonly batch: number;
  /** Told the windows that are done. */
  readonly onBatch?: (done: number) => Promise<void> | void;
}

export interface TextComparison {
  readonly base: { readonly perplexity: number };
  /** In the order of the models. */
  readonly others: readonly (Distance & { readonly perplexity: number })[];
}

/** Logits of one step may take this much. */
const maxLogitBytes = 32 * 2 ** 20;
const maxBatch = 8;

/** Windows that one step of a model with so many tokens takes. */
export function batchFor(window: number, vocabulary: number): number {
  const bytes = window * vocabulary * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(1, Math.min(maxBatch, Math.floor(maxLogitBytes / bytes)));
}

/** Runs the models over the windows; a window's first token is predicted by nothing. */
export async function compareModels(
  base: Model,
  others: readonly Model[],
  windows: Windows,
  { batch, onBatch }: CompareOptions,
): Promise<TextComparison> {
  const { length, count } = windows;
  const baseTally = new Tally(length);
  const tallies = others.map(() => new Tally(length));
  for (let from = 0; from < count; from += batch) {
    const to = Math.min(from + batch, count);
    const some: Windows = {
      ...windows,
      count: to - from,
      ids: windows.ids.slice(from * length, to * length),
    };
    const expected: Prediction[] = [];
    await predict(base, some, (prediction, _, next) => {
      expected.push(prediction);
      if (next !== undefined) baseTally.addNext(prediction, next);
    });
    for (const [index, model] of others.entries()) {
      const tally = tallies[index];
      await predict(model, some, (prediction, at, next) => {
        const wanted = expected[at];
        if (wanted) tally?.addDistance(wanted, prediction, at % length);
        if (next !== undefined) tally?.addNext(prediction, next);
      });
    }
    await onBatch?.(to);
  }
  return {
    base: { perplexity: baseTally.perplexity },
    others: tallies.map(({ perplexity, distance }) => ({ perplexity, ...distance })),
  };
}

/** Takes one step, and gives every position's prediction with the token that follows in its window. */
async function predict(
  model: Model,
  { length, count, ids }: Windows,
  take: (prediction: Prediction, at: number, next: number | undefined) => void,
): Promise<void> {
  const mask = new BigInt64Array(ids.length).fill(1n);
  const outputs = await model.run({ batch: count, ids, mask });
  for (let at = 0; at < count * length; at++) {
    const position = at % length;
    const next = position + 1 < length ? Number(ids[at + 1]) : undefined;
    take(predictionOf(outputs.vector((at - position) / length, position)), at, next);
  }
}
