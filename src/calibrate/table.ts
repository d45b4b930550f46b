// The weights with a row for each token of the vocabulary, in parts: the rows that some texts read,
// and slabs that are no larger than other weights.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import { chunkBytes } from '../base/limits.ts';
import type { Arena } from './arena.ts';
import { embedding } from './stream.ts';
import type { Weights } from './weights.ts';

/** Memory that weights are read into, and that may be used again for each part. */
export type Rounds = Pick<Arena, 'begin'>;

/** The rows of the token table that the sequences read, and where each token's row lies among them. */
export async function rowsOfTable(
  sequences: readonly Int32Array[],
  { hiddenSize }: ModernBertDecoderConfig,
  weights: Weights,
  memory?: Rounds,
): Promise<{ readonly table: Float32Array; readonly places: readonly Int32Array[] }> {
  const ids = [...new Set(sequences.flatMap((sequence) => [...sequence]))];
  const table = new Float32Array(ids.length * hiddenSize);
  for (const [place, id] of ids.entries()) {
    memory?.begin();
    table.set(await weights.readRows(embedding, id, id + 1), place * hiddenSize);
  }
  const places = new Map(ids.map((id, place) => [id, place]));
  return { table, places: sequences.map((each) => each.map((id) => places.get(id) ?? 0)) };
}

/** A weight of many rows, some of them at a time. */
export async function* slabsOf(
  name: string,
  width: number,
  weights: Weights,
  memory?: Rounds,
): AsyncGenerator<{ readonly weight: Float32Array; readonly from: number }> {
  const rows = weights.rows(name);
  const step = Math.max(1, Math.floor(chunkBytes / 4 / width));
  for (let from = 0; from < rows; from += step) {
    memory?.begin();
    yield { weight: await weights.readRows(name, from, Math.min(from + step, rows)), from };
  }
}
