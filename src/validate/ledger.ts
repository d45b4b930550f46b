// What the stages measured, by prompt and stage.

import type { Layout } from './batch.ts';
import type { Gates, StageResult } from './gates.ts';
import { Comparison, scaleOf } from './metrics.ts';
import type { Outputs } from '../base/model.ts';
import type { Golden, Row } from './prompt.ts';
import { rowsOf } from './prompt.ts';

interface Entry {
  readonly prompt: string;
  readonly stage: string;
  readonly comparison: Comparison;
}

export class Ledger {
  readonly #golden: Golden;
  readonly #gates: Gates;
  readonly #scales: ReadonlyMap<string, number>;
  readonly #entries = new Map<string, Entry>();

  constructor(golden: Golden, gates: Gates) {
    this.#golden = golden;
    this.#gates = gates;
    this.#scales = new Map(
      golden.prompts.map((prompt) => {
        const vectors = rowsOf(prompt).flatMap(({ expected }) => [...expected.values()]);
        return [prompt.name, scaleOf(vectors, gates.scaleFloor)];
      }),
    );
  }

  /**
   * Compares what a step computed, padding left out. The step's first output stands in column
   * `first`.
   */
  compare(stage: string, { rows, starts, counts }: Layout, outputs: Outputs, first: number): void {
    for (const [index, row] of rows.entries()) {
      for (let kept = 0; kept < outputs.kept; kept++) {
        const position = first + kept - (starts[index] ?? 0);
        if (position >= (counts[index] ?? 0)) break; // padding on the right
        this.#add(stage, row, position, outputs.vector(index, kept));
      }
    }
  }

  /** Compares a classifier's outputs, one for each row. */
  comparePooled(stage: string, rows: readonly Row[], outputs: Outputs): void {
    for (const [index, row] of rows.entries()) {
      this.#add(stage, row, row.ids.length - 1, outputs.vector(index, 0));
    }
  }

  /** The prompt's scale: its largest logit, or the floor. */
  scaleOf(prompt: string): number {
    return this.#scales.get(prompt) ?? this.#gates.scaleFloor;
  }

  /** The largest difference of a prompt so far. */
  worstOf(prompt: string): number {
    const differences = this.results
      .filter((result) => result.prompt === prompt)
      .map(({ metrics }) => metrics.maxDifference);
    return Math.max(0, ...differences);
  }

  /** In the order of the golden's prompts, and of the stages' first positions. */
  get results(): readonly StageResult[] {
    const entries = [...this.#entries.values()];
    return this.#golden.prompts.flatMap(({ name }) =>
      entries
        .filter(({ prompt }) => prompt === name)
        .map(({ prompt, stage, comparison }) => ({ prompt, stage, metrics: comparison.metrics })),
    );
  }

  #add(stage: string, row: Row, position: number, actual: Float32Array): void {
    const expected = row.expected.get(position);
    if (expected === undefined) return; // padding on the left, or not kept in the golden
    const next = this.#golden.task === 'text-generation' ? row.ids[position + 1] : undefined;
    this.#comparison(row.prompt.name, stage).add(expected, actual, {
      row: row.row,
      position,
      next: next === undefined ? undefined : Number(next),
    });
  }

  #comparison(prompt: string, stage: string): Comparison {
    const key = JSON.stringify([prompt, stage]);
    const entry = this.#entries.get(key) ?? {
      prompt,
      stage,
      comparison: new Comparison({
        scale: this.scaleOf(prompt),
        logits: this.#golden.task !== 'feature-extraction',
        nearTieFactor: this.#gates.nearTieFactor,
      }),
    };
    this.#entries.set(key, entry);
    return entry.comparison;
  }
}
