// What the toy model computes, as a golden: single prompts and padded batches.

import type { Task } from '../src/base/config.ts';
import { bestTwo } from '../src/validate/metrics.ts';
import type { Golden, GoldenPrompt, Ids, Reals } from '../src/validate/prompt.ts';
import { nowhere, toyVocab, truth } from './toy-model.ts';

export interface ToyGoldenOptions {
  readonly task?: Task;
  /** Positions whose outputs are kept; all when left out. */
  readonly kept?: number;
}

/** The golden of a toy without a fault. */
export function toyGolden({ task = 'text-generation', kept }: ToyGoldenOptions = {}): Golden {
  const prompts = [
    toyPrompt('batch-left', [4, 12, 9], 'left', task, kept),
    toyPrompt('batch-right', [10, 4], 'right', task, kept),
    toyPrompt('long', [40], 'left', task, kept),
    toyPrompt('one', [1], 'left', task, kept),
    toyPrompt('short', [7], 'left', task, kept),
  ];
  return { task, prompts, metadata: new Map([['toy', '1.0']]) };
}

function toyPrompt(
  name: string,
  counts: readonly number[],
  side: 'left' | 'right',
  task: Task,
  keptColumns: number | undefined,
): GoldenPrompt {
  const length = Math.max(...counts);
  const kept = Math.min(keptColumns ?? length, length);
  const rows = counts.map((count, row) =>
    Array.from({ length: count }, (_, i) => 1 + ((7 * row + 3 * i + i * i) % (toyVocab - 1))),
  );
  const layOut = <T>(values: readonly T[], pad: T): readonly T[] => {
    const padding = Array.from({ length: length - values.length }, () => pad);
    return side === 'left' ? [...padding, ...values] : [...values, ...padding];
  };
  const inputIds = rows.map((row) => layOut(row, 0));
  const vectors = rows.map((row) => layOut(truth(row), nowhere).slice(length - kept));
  const pooled = task === 'text-classification';
  const output: Reals = {
    dtype: 'float32',
    shape: pooled ? [rows.length, toyVocab] : [rows.length, kept, toyVocab],
    data: Float32Array.from(
      pooled
        ? rows.flatMap((row) => [...(truth(row).at(-1) ?? [])])
        : vectors.flatMap((row) => row.flatMap((vector) => [...vector])),
    ),
  };
  return {
    name,
    inputIds: idsOf(inputIds),
    attentionMask: idsOf(
      rows.map((row) =>
        layOut(
          row.map(() => 1),
          0,
        ),
      ),
    ),
    ...(task === 'feature-extraction' ? { lastHiddenState: output } : { logits: output }),
    ...(task === 'text-generation' && {
      greedy: idsOf(rows.map((row, i) => [...(inputIds[i] ?? []), ...continuation(row, 6)])),
    }),
  };
}

function continuation(prompt: readonly number[], steps: number): readonly number[] {
  const text = [...prompt];
  for (let step = 0; step < steps; step++) {
    text.push(bestTwo(truth(text).at(-1) ?? new Float32Array())[0]);
  }
  return text.slice(prompt.length);
}

function idsOf(rows: readonly (readonly number[])[]): Ids {
  return {
    dtype: 'int64',
    shape: [rows.length, rows[0]?.length ?? 0],
    data: BigInt64Array.from(rows.flat(), BigInt),
  };
}
