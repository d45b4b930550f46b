// What a golden must satisfy. A malformed one would prove nothing, or blame the model.

import type { Task } from '../base/config.ts';
import { ToolkitError, type ErrorContext } from '../base/errors.ts';
import { formatShape } from '../base/tensors.ts';
import { rowsOf, type GoldenPrompt, type Ids, type Reals } from './prompt.ts';

/** Fails with GOLDEN_INVALID, naming the prompt and the rule. */
export function checkPrompt(prompt: GoldenPrompt, file: string): void {
  const fail = failIn(file, prompt.name);
  const { inputIds, attentionMask, greedy } = prompt;
  const [batch = 0, length = 0] = inputIds.shape;
  if (inputIds.shape.length !== 2 || batch < 1 || length < 1) {
    fail('input_ids is [batch, sequence], both at least 1', {
      shape: formatShape(inputIds.shape),
    });
  }
  if (formatShape(attentionMask.shape) !== formatShape(inputIds.shape)) {
    fail('attention_mask has the shape of input_ids', { shape: formatShape(attentionMask.shape) });
  }
  if (inputIds.data.some((id) => id < 0n)) fail('ids are not negative');
  checkMask(prompt, fail);
  checkOutputs(prompt, fail);
  if (greedy !== undefined) checkGreedy(prompt, greedy, fail);
}

/** The task that all prompts show. */
export function checkSameTask(prompts: readonly GoldenPrompt[], file: string): Task {
  const [first, ...rest] = prompts;
  if (first === undefined) {
    throw new ToolkitError('GOLDEN_INVALID', 'a golden has at least one prompt', {
      where: { file },
    });
  }
  const task = taskOf(first);
  for (const prompt of rest) {
    if (taskOf(prompt) !== task) failIn(file, prompt.name)(`all prompts are of one task: ${task}`);
  }
  return task;
}

function taskOf({ lastHiddenState, logits }: GoldenPrompt): Task {
  if (lastHiddenState !== undefined) return 'feature-extraction';
  return logits?.shape.length === 2 ? 'text-classification' : 'text-generation';
}

type Fail = (rule: string, where?: ErrorContext) => never;

function failIn(file: string, prompt: string): Fail {
  return (rule, where = {}) => {
    throw new ToolkitError('GOLDEN_INVALID', rule, { where: { file, prompt, ...where } });
  };
}

/** One run of real tokens in every row: padding between them has no defined meaning. */
function checkMask({ inputIds, attentionMask }: GoldenPrompt, fail: Fail): void {
  const [, length = 0] = inputIds.shape;
  if (attentionMask.data.some((bit) => bit !== 0n && bit !== 1n)) {
    fail('attention_mask holds zeros and ones');
  }
  for (let start = 0, row = 0; start < attentionMask.data.length; start += length, row++) {
    const bits = attentionMask.data.subarray(start, start + length);
    const first = bits.indexOf(1n);
    if (first < 0) fail('every row has a real token', { row });
    if (bits.subarray(first, bits.lastIndexOf(1n) + 1).includes(0n)) {
      fail('padding stands at the ends of a row', { row });
    }
  }
}

function checkOutputs(prompt: GoldenPrompt, fail: Fail): void {
  const { logits, lastHiddenState } = prompt;
  if (logits !== undefined && lastHiddenState === undefined) checkShape(prompt, logits, fail);
  else if (lastHiddenState !== undefined && logits === undefined) {
    checkShape(prompt, lastHiddenState, fail);
  } else fail('a prompt has one of logits and last_hidden_state');
  checkValues(prompt, fail);
}

function checkShape({ inputIds, logits }: GoldenPrompt, { shape }: Reals, fail: Fail): void {
  const [batch, length = 0] = inputIds.shape;
  const where = { shape: formatShape(shape) };
  const pooled = logits !== undefined && shape.length === 2;
  if (!(shape.length === 3 || pooled) || shape[0] !== batch || (shape.at(-1) ?? 0) < 1) {
    fail('outputs are [batch, kept, width], or [batch, labels]', where);
  }
  const kept = pooled ? 1 : (shape[1] ?? 0);
  if (kept < 1 || kept > length) fail('outputs cover 1 to sequence last positions', where);
}

function checkValues(prompt: GoldenPrompt, fail: Fail): void {
  let compared = 0;
  for (const row of rowsOf(prompt)) {
    for (const vector of row.expected.values()) {
      compared++;
      if (!vector.every(Number.isFinite))
        fail('outputs of real tokens are finite', { row: row.row });
    }
  }
  if (compared === 0) fail('outputs cover a real token');
}

function checkGreedy({ inputIds, logits }: GoldenPrompt, greedy: Ids, fail: Fail): void {
  const [batch = 0, length = 0] = inputIds.shape;
  const [rows, total = 0] = greedy.shape;
  if (logits?.shape.length !== 3) fail('greedy comes with logits of every token');
  if (greedy.shape.length !== 2 || rows !== batch || total <= length) {
    fail('greedy is the prompt and at least one more token', { shape: formatShape(greedy.shape) });
  }
  for (let row = 0; row < batch; row++) {
    for (let column = 0; column < length; column++) {
      if (greedy.data[row * total + column] !== inputIds.data[row * length + column]) {
        fail('greedy begins with the prompt', { row, column });
      }
    }
  }
  if (greedy.data.some((id) => id < 0n)) fail('ids are not negative');
}
