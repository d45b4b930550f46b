// A tied table under two names, or under the other one: trainers that know nothing of tied weights
// save it twice, and writers that drop copies keep the name that sorts first.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import { chunkBytes } from '../base/limits.ts';
import type { TensorRef } from '../base/tensors.ts';
import type { Tensors } from './bind.ts';

const table = 'model.embeddings.tok_embeddings.weight';
const projection = 'decoder.weight';

/** A tied table under its own name alone, as transformers reads it; other tensors as they are. */
export async function withTiedTable(
  config: ModernBertDecoderConfig,
  tensors: Tensors,
): Promise<{ readonly tensors: Tensors; readonly warnings: readonly string[] }> {
  const kept = tensors.get(projection);
  if (!config.tieWordEmbeddings || kept === undefined) return { tensors, warnings: [] };
  const embedding = tensors.get(table);
  if (embedding !== undefined && !(await sameNumbers(embedding, kept))) {
    const sentence =
      `config.json ties ${projection} to the embedding, and their values differ: both are used, ` +
      'as in transformers 5 (4.x used the embedding for both)';
    return { tensors, warnings: [sentence] };
  }
  const others = new Map([...tensors].filter(([name]) => name !== projection));
  if (embedding === undefined) others.set(table, { ...kept, name: table });
  return { tensors: others, warnings: [] };
}

/** Whether two tensors hold the same bytes in the same form; reads as far as they agree. */
async function sameNumbers(a: TensorRef, b: TensorRef): Promise<boolean> {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  for (let start = 0; start < a.size; start += chunkBytes) {
    const end = Math.min(start + chunkBytes, a.size);
    const [left, right] = [await a.read(start, end), await b.read(start, end)];
    for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  }
  return true;
}
