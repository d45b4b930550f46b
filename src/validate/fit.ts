// Whether a golden is of the model that it is held against. A golden of another model would fail
// every gate and explain nothing.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError, type ErrorContext } from '../base/errors.ts';
import { widthOf } from '../base/model.ts';
import type { Golden, GoldenPrompt } from './prompt.ts';

/** Fails with GOLDEN_INVALID where task, vocabulary, width or length differ. */
export function checkFit(golden: Golden, config: ModernBertDecoderConfig, task: Task): void {
  if (golden.task !== task) throw misfit({ task, golden: golden.task });
  for (const prompt of golden.prompts) {
    checkSizes(prompt, config, task);
    if (task === 'text-classification') checkPooled(prompt, config.padTokenId);
  }
}

function checkSizes(prompt: GoldenPrompt, config: ModernBertDecoderConfig, task: Task): void {
  const { name, inputIds, greedy, logits, lastHiddenState } = prompt;
  const width = (logits ?? lastHiddenState)?.shape.at(-1) ?? 0;
  const expected = widthOf(config, task);
  if (width !== expected) throw misfit({ prompt: name, width, expected });
  const tokens = (greedy ?? inputIds).shape[1] ?? 0;
  if (tokens > config.maxPositions) {
    throw misfit({ prompt: name, tokens, max_position_embeddings: config.maxPositions });
  }
  const strange = [inputIds, ...(greedy === undefined ? [] : [greedy])]
    .map(({ data }) => data.find((id) => id >= config.vocabSize))
    .find((id) => id !== undefined);
  if (strange !== undefined) {
    throw misfit({ prompt: name, id: String(strange), vocab_size: config.vocabSize });
  }
}

// A classifier pools at the last id that is not pad, whatever the mask says.
function checkPooled({ name, inputIds, attentionMask }: GoldenPrompt, padId: number): void {
  for (const [i, bit] of attentionMask.data.entries()) {
    if (bit === 0n && inputIds.data[i] !== BigInt(padId)) {
      throw new ToolkitError('GOLDEN_INVALID', "a classifier's padding is the pad token", {
        where: { prompt: name, id: String(inputIds.data[i]), pad_token_id: padId },
      });
    }
  }
}

function misfit(where: ErrorContext): ToolkitError {
  return new ToolkitError('GOLDEN_INVALID', 'the golden is of another model', { where });
}
