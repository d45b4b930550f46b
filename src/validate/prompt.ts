// A prompt of a golden, and its rows without their padding: what every stage compares.

import type { Task } from '../base/config.ts';
import type { Tensor } from '../base/tensors.ts';

/** Integers of a golden. */
export interface Ids extends Tensor {
  readonly dtype: 'int64';
  readonly data: BigInt64Array;
}

/** Outputs of a golden. */
export interface Reals extends Tensor {
  readonly dtype: 'float32';
  readonly data: Float32Array;
}

export interface GoldenPrompt {
  readonly name: string;
  readonly inputIds: Ids; // [batch, sequence]
  readonly attentionMask: Ids; // [batch, sequence]
  /** [batch, kept, vocabulary] of the last positions; [batch, labels] of a classifier. */
  readonly logits?: Reals;
  readonly lastHiddenState?: Reals; // [batch, kept, hidden]
  /** The prompt and its greedy continuation, no token stopping it. */
  readonly greedy?: Ids; // [batch, sequence + steps]
}

export interface Golden {
  readonly task: Task;
  /** In the order of their names. */
  readonly prompts: readonly GoldenPrompt[];
  /** What recorded it: tools and their versions. */
  readonly metadata: ReadonlyMap<string, string>;
}

export interface Row {
  readonly prompt: GoldenPrompt;
  /** Index in the prompt's batch. */
  readonly row: number;
  /** Real tokens. */
  readonly ids: readonly bigint[];
  /** Column of the first real token. */
  readonly start: number;
  /** Outputs by position among the real tokens; a classifier's one output stands at the last. */
  readonly expected: ReadonlyMap<number, Float32Array>;
}

/** Every row of a prompt. */
export function rowsOf(prompt: GoldenPrompt): readonly Row[] {
  const [batch = 0] = prompt.inputIds.shape;
  return Array.from({ length: batch }, (_, row) => rowOf(prompt, row));
}

function rowOf(prompt: GoldenPrompt, row: number): Row {
  const [, length = 0] = prompt.inputIds.shape;
  const bits = prompt.attentionMask.data.subarray(row * length, (row + 1) * length);
  const start = bits.indexOf(1n);
  const end = bits.lastIndexOf(1n) + 1;
  const ids = [...prompt.inputIds.data.subarray(row * length + start, row * length + end)];
  return { prompt, row, ids, start, expected: expectedOf(prompt, row, start, end) };
}

function expectedOf(
  { inputIds, logits, lastHiddenState }: GoldenPrompt,
  row: number,
  start: number,
  end: number,
): ReadonlyMap<number, Float32Array> {
  const [, length = 0] = inputIds.shape;
  const output = logits ?? lastHiddenState;
  if (output === undefined) return new Map();
  const width = output.shape.at(-1) ?? 0;
  if (output.shape.length === 2) {
    return new Map([[end - start - 1, output.data.subarray(row * width, (row + 1) * width)]]);
  }
  const kept = output.shape[1] ?? 0;
  const expected = new Map<number, Float32Array>();
  for (let column = Math.max(start, length - kept); column < end; column++) {
    const at = (row * kept + column - (length - kept)) * width;
    expected.set(column - start, output.data.subarray(at, at + width));
  }
  return expected;
}
