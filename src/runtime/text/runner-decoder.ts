// A decoder on any runner. Rows that begin together are one batch for as long as they go on by one
// token each; a row that has ended leaves it. What a batch cannot do, its rows do one by one.

import type { ModernBertDecoderConfig } from '../../base/config.ts';
import type { Ask, Candidates, Decoder, Decoding } from '../../base/decoding.ts';
import { type Cache, type Model, modelOf } from '../../base/model.ts';
import type { Runner } from '../../base/runner.ts';
import { candidatesOf } from './candidates.ts';
import { batchesOf, leftMask, leftPadded } from './left-padding.ts';
import { cutCache } from './runner-cache.ts';

/** Rows that share a cache. */
interface Group {
  readonly rows: readonly number[];
  /** Tokens of each row that are in the cache. */
  readonly counts: readonly number[];
  /** Slots of the cache; 0 before the prompt. */
  readonly slots: number;
  readonly cache: Cache | undefined;
}

/** A decoder that runs the model of a runner, and closes it with itself. */
export function runnerDecoder(runner: Runner, config: ModernBertDecoderConfig): Decoder {
  const model = modelOf(runner, config, 'text-generation');
  const { maxPositions, vocabSize } = config;
  return {
    name: runner.name,
    maxPositions,
    vocabSize,
    start: async (rows) => startDecoding(model, rows),
    close: () => runner.close(),
  };
}

function startDecoding(model: Model, rows: number): Decoding {
  const held = Array.from({ length: rows }, (): number[] => []);
  let groups: readonly Group[] = [];
  return {
    append: async (tokens, ask) => {
      const tokensOf = (row: number): readonly number[] => tokens[row] ?? [];
      const live = (row: number): boolean => tokens[row] !== undefined;
      const fresh = [...held.keys()].filter((row) => live(row) && held[row]?.length === 0);
      const begun = batchesOf(fresh, (row) => tokensOf(row).length).map(beginning);
      const going = groups
        .map((group) => cut(group, group.rows.filter(live)))
        .filter((group) => group.rows.length > 0)
        .flatMap((group) => (fits(group, tokensOf) ? [group] : apart(group)));
      for (const [row, ids] of held.entries()) ids.push(...tokensOf(row));
      const results: (Candidates | undefined)[] = held.map(() => undefined);
      groups = [];
      const next: Group[] = [];
      for (const group of [...going, ...begun]) {
        next.push(await step(model, group, tokensOf, held, ask, results));
      }
      groups = next;
      return results;
    },
    close: async () => {
      groups = [];
    },
  };
}

function beginning(rows: readonly number[]): Group {
  return { rows, counts: rows.map(() => 0), slots: 0, cache: undefined };
}

/** The group with some of its rows, and with no more slots than they need. */
function cut(group: Group, rows: readonly number[]): Group {
  if (rows.length === group.rows.length || rows.length === 0) return { ...group, rows };
  const places = rows.map((row) => group.rows.indexOf(row));
  const counts = places.map((place) => group.counts[place] ?? 0);
  const slots = Math.max(...counts);
  return { rows, counts, slots, cache: group.cache && cutCache(group.cache, places, slots) };
}

/** Runtimes append several tokens only to a row that is alone. */
function fits({ rows }: Group, tokensOf: (row: number) => readonly number[]): boolean {
  return rows.length === 1 || rows.every((row) => tokensOf(row).length === 1);
}

function apart(group: Group): readonly Group[] {
  return group.rows.map((row) => cut(group, [row]));
}

async function step(
  model: Model,
  { rows, counts: before, slots, cache }: Group,
  tokensOf: (row: number) => readonly number[],
  held: readonly (readonly number[])[],
  ask: Ask,
  results: (Candidates | undefined)[],
): Promise<Group> {
  const appended = rows.map(tokensOf);
  const { length, ids } = leftPadded(appended, 0);
  const counts = appended.map((row, index) => (before[index] ?? 0) + row.length);
  const total = slots + length;
  const outputs = await model.run({
    batch: rows.length,
    ids,
    mask: leftMask(counts, total),
    lastOnly: true,
    ...(cache && { cache }),
  });
  for (const [index, row] of rows.entries()) {
    const logits = outputs.vector(index, outputs.kept - 1);
    results[row] = candidatesOf(logits, held[row] ?? [], ask);
  }
  return { rows, counts, slots: total, cache: outputs.cache };
}
