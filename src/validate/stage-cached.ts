// A prompt in several steps with the cache: its end token by token, and chunk by chunk.

import { asRecorded, columns } from './batch.ts';
import type { Ledger } from './ledger.ts';
import type { Model, Cache } from '../base/model.ts';
import type { GoldenPrompt } from './prompt.ts';

/** Single tokens at the end of a prompt; more would only take longer. */
const maxSingles = 32;

/** Odd, so that chunks do not begin where windows and blocks do. */
const chunk = 17;
const maxChunks = 24;

/** Prefill, then the last tokens one after the other. */
export async function decode(model: Model, ledger: Ledger, prompt: GoldenPrompt): Promise<void> {
  const [, length = 0] = prompt.inputIds.shape;
  const singles = Math.min(Math.floor(length / 2), maxSingles);
  if (singles === 0) return;
  await inSteps(model, ledger, prompt, 'decode', [length - singles, ...ones(singles)]);
}

/** Chunks of equal size. ONNX Runtime's attention appends many tokens to one row only. */
export async function chunked(model: Model, ledger: Ledger, prompt: GoldenPrompt): Promise<void> {
  const [batch, length = 0] = prompt.inputIds.shape;
  if (batch !== 1 || length < 3) return;
  await inSteps(model, ledger, prompt, 'chunked', chunkSizes(length));
}

/** Tokens of each chunk: short prompts are cut too, and long ones into few pieces. */
export function chunkSizes(length: number): readonly number[] {
  const size = Math.max(Math.min(chunk, Math.ceil(length / 2)), Math.ceil(length / maxChunks) | 1);
  return Array.from({ length: Math.ceil(length / size) }, (_, i) =>
    Math.min(size, length - i * size),
  );
}

function ones(count: number): readonly number[] {
  return Array.from({ length: count }, () => 1);
}

async function inSteps(
  model: Model,
  ledger: Ledger,
  prompt: GoldenPrompt,
  stage: string,
  sizes: readonly number[],
): Promise<void> {
  const batch = asRecorded(prompt);
  let cache: Cache | undefined;
  let from = 0;
  for (const size of sizes) {
    const to = from + size;
    const outputs = await model.run({
      batch: batch.rows.length,
      ids: columns(batch.ids, batch.length, from, to),
      mask: columns(batch.mask, batch.length, 0, to),
      ...(cache !== undefined && { cache }),
    });
    ledger.compare(stage, batch, outputs, from);
    cache = outputs.cache;
    from = to;
  }
}
