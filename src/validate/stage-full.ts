// A prompt in one step: every position, and the last position alone.

import { asRecorded } from './batch.ts';
import type { Ledger } from './ledger.ts';
import type { Model } from '../base/model.ts';
import type { GoldenPrompt } from './prompt.ts';

export async function fullForward(
  model: Model,
  ledger: Ledger,
  prompt: GoldenPrompt,
): Promise<void> {
  const batch = asRecorded(prompt);
  const outputs = await model.run({ batch: batch.rows.length, ids: batch.ids, mask: batch.mask });
  if (model.task === 'text-classification') ledger.comparePooled('full', batch.rows, outputs);
  else ledger.compare('full', batch, outputs, 0);
}

/** The last column's logits, of the rows that have a real token there. */
export async function lastToken(model: Model, ledger: Ledger, prompt: GoldenPrompt): Promise<void> {
  if (!model.keepsLast) return;
  const batch = asRecorded(prompt);
  const outputs = await model.run({
    batch: batch.rows.length,
    ids: batch.ids,
    mask: batch.mask,
    lastOnly: true,
  });
  ledger.compare('last-token', batch, outputs, batch.length - 1);
}
