// Text that the model writes itself: calibration that needs no data of the user's. Each token is
// drawn at temperature 1 from all of the vocabulary, after a first one at random.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import type { Engine } from './engine.ts';
import type { Weights } from './weights.ts';
import { openWriter } from './writer.ts';

export interface Writing {
  /** Texts. */
  readonly count: number;
  /** Tokens of each. */
  readonly length: number;
  /** Random numbers in [0, 1), of one text each. */
  readonly random: (text: number) => () => number;
  /** Told how many tokens are written. */
  readonly onWritten: (tokens: number) => void;
}

/** Texts that are written side by side. */
export const together = 32;

/** Has the model write texts. */
export async function writeText(
  config: ModernBertDecoderConfig,
  weights: Weights,
  engine: Engine,
  writing: Writing,
): Promise<readonly Int32Array[]> {
  const writer = await openWriter(config, weights, engine, writing.length);
  const texts: Int32Array[] = [];
  while (texts.length < writing.count) {
    const first = texts.length;
    const draws = Array.from({ length: Math.min(together, writing.count - first) }, (_, i) =>
      writing.random(first + i),
    );
    const written = draws.map(() => new Int32Array(writing.length));
    for (const [row, text] of written.entries()) text[0] = firstToken(config, draws[row]);
    const caches = writer.caches(draws.length);
    for (let position = 0; position + 1 < writing.length; position++) {
      const ids = written.map((text) => text[position] ?? 0);
      const logits = await writer.step(ids, position, caches);
      for (const [row, text] of written.entries()) {
        const from = row * config.vocabSize;
        const own = logits.subarray(from, from + config.vocabSize);
        text[position + 1] = draw(own, draws[row]?.() ?? 0);
      }
      writing.onWritten(first * writing.length + draws.length * (position + 2));
    }
    texts.push(...written);
  }
  return texts;
}

/** Any token but padding. */
function firstToken(
  { vocabSize, padTokenId }: ModernBertDecoderConfig,
  random: (() => number) | undefined,
): number {
  const id = Math.floor((random?.() ?? 0) * vocabSize);
  return id === padTokenId ? (id + 1) % vocabSize : id;
}

/** A token by a number in [0, 1); the logits are written over. */
function draw(logits: Float32Array, uniform: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) largest = Math.max(largest, logits[id] ?? 0);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const chance = Math.fround(Math.exp((logits[id] ?? 0) - largest));
    logits[id] = chance;
    total += chance;
  }
  let left = uniform * total;
  for (let id = 0; id < logits.length; id++) {
    left -= logits[id] ?? 0;
    if (left < 0) return id;
  }
  return logits.length - 1;
}
