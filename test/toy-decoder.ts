// A language model of a few lines: the logits of a row follow from its tokens alone.

import type { Decoder } from '../src/base/decoding.ts';
import { candidatesOf } from '../src/runtime/text/candidates.ts';

export interface ToyDecoder extends Decoder {
  /** What was appended, call by call. */
  readonly calls: (readonly (readonly number[] | undefined)[])[];
  /** Decodings that are not closed. */
  open: number;
}

/** A decoder whose next tokens `logitsOf` gives. */
export function toyDecoder(
  vocabSize: number,
  maxPositions: number,
  logitsOf: (row: readonly number[]) => Float32Array,
): ToyDecoder {
  const toy: ToyDecoder = {
    name: 'toy',
    vocabSize,
    maxPositions,
    calls: [],
    open: 0,
    start: async (rows) => {
      toy.open++;
      const held = Array.from({ length: rows }, (): number[] => []);
      return {
        append: async (tokens, ask) => {
          toy.calls.push(tokens.map((ids) => ids && [...ids]));
          return held.map((row, index) => {
            const more = tokens[index];
            if (more === undefined) return undefined;
            row.push(...more);
            return candidatesOf(logitsOf(row), row, ask);
          });
        },
        close: async () => {
          toy.open--;
        },
      };
    },
    close: async () => undefined,
  };
  return toy;
}

/** Logits that look random, and depend on every token of the row. */
export function scrambled(vocabSize: number): (row: readonly number[]) => Float32Array {
  return (row) => {
    const state = row.reduce((sum, id, at) => (sum * 31 + id * (at + 7) + 1) % 1_000_003, 17);
    return Float32Array.from({ length: vocabSize }, (_, id) => 3 * Math.sin(state * (id + 1)));
  };
}

/** Logits that count upward: after token n comes n + 1. */
export function counting(vocabSize: number): (row: readonly number[]) => Float32Array {
  return (row) =>
    Float32Array.from({ length: vocabSize }, (_, id) =>
      id === ((row.at(-1) ?? 0) + 1) % vocabSize ? 5 : 0,
    );
}
