// A language model small enough to read, as a runner: it honors masks, positions, a window and a
// cache as the exported graphs do, and can be told to get one of them wrong.

import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import type { DType } from '../src/base/dtypes.ts';
import { fromHalf, toHalf } from '../src/base/half.ts';
import type { Feeds, Runner } from '../src/base/runner.ts';
import { sizeOf, type Tensor, type TensorType } from '../src/base/tensors.ts';

export type Fault =
  | 'left padding is seen'
  | 'right padding is seen'
  | 'the cache is off by one'
  | 'a chunk sees its future'
  | 'a padded chunk begins too early'
  | 'the last token is the one before'
  | 'later positions are wrong'
  | 'the last column is pooled'
  | 'one weight is not a number';

export interface ToyOptions {
  readonly task?: Task;
  readonly fault?: Fault;
  readonly window?: number;
  /** What logits are multiplied with. */
  readonly gain?: number;
  readonly cacheDtype?: 'float32' | 'float16';
  /** Whether the model has the input num_logits_to_keep. */
  readonly keeps?: boolean;
}

export const toyVocab = 11;
const toyWindow = 5;
const headDim = 2;
/** Past the longest prompt of `toyGolden`. */
const late = 41;

/** Outputs of padding. */
export const nowhere: Float32Array = new Float32Array(toyVocab).fill(99);

/** The config that a toy pretends to have. */
export function toyConfig(): ModernBertDecoderConfig {
  return {
    vocabSize: toyVocab,
    hiddenSize: toyVocab,
    intermediateSize: 4,
    numHeads: 1,
    headDim,
    layers: [{ type: 'sliding_attention', window: toyWindow, ropeTheta: 10_000 }],
    maxPositions: 64,
    normEps: 1e-5,
    normBias: false,
    attentionBias: false,
    mlpBias: false,
    classifierBias: false,
    decoderBias: false,
    hiddenActivation: 'gelu',
    classifierActivation: 'gelu',
    tieWordEmbeddings: true,
    padTokenId: 0,
    labels: Array.from({ length: toyVocab }, (_, i) => `LABEL_${i}`),
    task: 'text-generation',
  };
}

interface Slot {
  readonly id: number;
  readonly position: number;
}

/** What the toy computes at the last of `seen` tokens. */
function outputs(seen: readonly Slot[], position: number, window: number): Float32Array {
  return Float32Array.from({ length: toyVocab }, (_, v) => {
    let sum = 0.5 * Math.sin(0.37 * position * (v + 1));
    for (const slot of seen) {
      const distance = position - slot.position;
      if (distance >= window) continue;
      sum += Math.sin(1.3 * (slot.id + 1) * (v + 1) + 0.7 * distance) / (1 + Math.abs(distance));
    }
    return sum;
  });
}

/** The outputs at every token of a text without padding. */
export function truth(ids: readonly number[]): readonly Float32Array[] {
  const slots = ids.map((id, position): Slot => ({ id, position }));
  return slots.map((_, last) => outputs(slots.slice(0, last + 1), last, toyWindow));
}

function type(dtype: DType, ...shape: (string | number)[]): TensorType {
  return { dtype, shape };
}

/** A toy as a runner. */
export function toyRunner(options: ToyOptions = {}): Runner {
  const { task = 'text-generation', cacheDtype = 'float32', keeps = true } = options;
  const inputs = new Map<string, TensorType>([
    ['input_ids', type('int64', 'batch_size', 'sequence_length')],
    ['attention_mask', type('int64', 'batch_size', 'total_sequence_length')],
  ]);
  if (task === 'text-generation') {
    const past = type(cacheDtype, 'batch_size', 1, 'past_sequence_length', headDim);
    if (keeps) inputs.set('num_logits_to_keep', type('int64'));
    inputs.set('past_key_values.0.key', past).set('past_key_values.0.value', past);
  }
  return {
    name: 'toy',
    inputs,
    outputs: [task === 'feature-extraction' ? 'last_hidden_state' : 'logits'],
    run: async (feeds) => {
      for (const [name, { dtype }] of inputs) {
        if (feeds[name]?.dtype !== dtype) throw new TypeError(`${name} is ${dtype}`);
      }
      return run(feeds, options);
    },
    close: async () => undefined,
  };
}

function run(feeds: Feeds, options: ToyOptions): ReadonlyMap<string, Tensor> {
  const { task = 'text-generation', fault, cacheDtype = 'float32' } = options;
  const ids = matrix(feeds['input_ids']);
  const mask = matrix(feeds['attention_mask']);
  const past = feeds['past_key_values.0.key'];
  const rows = ids.map((row, b) => runRow(row, mask[b] ?? [], readSlots(past, b), options));
  if (task === 'text-classification') {
    return new Map([['logits', pool(rows, ids, fault)]]);
  }
  const values = keepLast(rows, Number(feeds['num_logits_to_keep']?.data[0] ?? 0), fault);
  if (task === 'feature-extraction') return new Map([['last_hidden_state', values]]);
  const present = writeSlots(
    rows.map(({ slots }) => slots),
    Math.max(past?.shape[2] ?? 0, mask[0]?.length ?? 0),
    cacheDtype,
  );
  return new Map([
    ['logits', values],
    ['present.0.key', present],
    ['present.0.value', present],
  ]);
}

function pool(
  rows: readonly RowResult[],
  ids: readonly (readonly number[])[],
  fault: Fault | undefined,
): Tensor {
  const pooled = rows.map(({ vectors }, b) => {
    const real = (ids[b] ?? []).findLastIndex((id) => id !== 0);
    const last = fault === 'the last column is pooled' ? vectors.length - 1 : real;
    return [vectors[Math.max(last, 0)] ?? nowhere];
  });
  return stack(pooled, [rows.length, toyVocab]);
}

function keepLast(rows: readonly RowResult[], keep: number, fault: Fault | undefined): Tensor {
  const length = rows[0]?.vectors.length ?? 0;
  const kept = keep === 0 ? length : keep;
  const early = fault === 'the last token is the one before' && kept < length ? 1 : 0;
  const values = rows.map(({ vectors }) => vectors.slice(length - kept - early, length - early));
  return stack(values, [rows.length, kept, toyVocab]);
}

function matrix(tensor: Tensor | undefined): readonly (readonly number[])[] {
  const [rows = 0, length = 0] = tensor?.shape ?? [];
  return Array.from({ length: rows }, (_, row) => numbers(tensor, row * length, length));
}

interface RowResult {
  readonly vectors: readonly Float32Array[];
  readonly slots: readonly Slot[];
}

function runRow(
  ids: readonly number[],
  mask: readonly number[],
  past: readonly Slot[],
  { fault, window = toyWindow, gain = 1 }: ToyOptions,
): RowResult {
  const chunk = fault === 'left padding is seen' ? ids.map(() => 1) : mask.slice(-ids.length);
  const earlier = mask.slice(0, mask.length - ids.length);
  const before = countBefore(earlier, fault);
  const first = before + (before > 0 ? offsetOf(chunk, fault) : 0);
  const lead = Math.max(chunk.indexOf(1), 0);
  const slots = past.slice(0, before);
  for (const [column, id] of ids.entries()) {
    if (chunk[column] === 1 || (fault === 'right padding is seen' && column >= lead)) {
      slots.push({ id, position: first + column - lead });
    }
  }
  const vectors = ids.map((_, column) => {
    const position = first + column - lead;
    const sees = fault === 'a chunk sees its future' && before > 0 && column < ids.length - 1;
    const seen = slots.filter((slot) => slot.position <= position + (sees ? 1 : 0));
    const vector = outputs(seen, position, window).map((value) => value * gain);
    if (fault === 'later positions are wrong' && position >= late) vector.reverse();
    if (fault === 'one weight is not a number') vector[3] = Number.NaN;
    return chunk[column] === 1 ? vector : nowhere;
  });
  return { vectors, slots };
}

/** By how much a chunk behind a cache is misplaced. */
function offsetOf(chunk: readonly number[], fault: Fault | undefined): number {
  if (fault === 'the cache is off by one') return 1;
  const padding = chunk.filter((bit) => bit === 0).length;
  return fault === 'a padded chunk begins too early' ? -padding : 0;
}

/** Real tokens before a chunk; with a fault, padding as well. */
function countBefore(earlier: readonly number[], fault: Fault | undefined): number {
  if (fault === 'left padding is seen') return earlier.length;
  const first = earlier.indexOf(1);
  if (fault === 'right padding is seen' && first >= 0) return earlier.length - first;
  return earlier.reduce((sum, bit) => sum + bit, 0);
}

function numbers(tensor: Tensor | undefined, start: number, count: number): readonly number[] {
  return Array.from(tensor?.data.slice(start, start + count) ?? [], Number);
}

function stack(rows: readonly (readonly Float32Array[])[], shape: readonly number[]): Tensor {
  return {
    dtype: 'float32',
    shape,
    data: Float32Array.from(rows.flatMap((row) => row.flatMap((v) => [...v]))),
  };
}

// A slot's row of the cache is its id and its position.
function readSlots(past: Tensor | undefined, row: number): readonly Slot[] {
  const count = past?.shape[2] ?? 0;
  const stored = numbers(past, row * count * headDim, count * headDim);
  const values = past?.dtype === 'float16' ? stored.map(fromHalf) : stored;
  return Array.from({ length: count }, (_, slot) => ({
    id: values[slot * headDim] ?? 0,
    position: values[slot * headDim + 1] ?? 0,
  }));
}

function writeSlots(
  rows: readonly (readonly Slot[])[],
  length: number,
  dtype: 'float32' | 'float16',
): Tensor {
  const shape = [rows.length, 1, length, headDim];
  const data =
    dtype === 'float16' ? new Uint16Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  for (const [row, slots] of rows.entries()) {
    for (const [at, { id, position }] of slots.entries()) {
      const values = dtype === 'float16' ? [toHalf(id), toHalf(position)] : [id, position];
      data.set(values, (row * length + at) * headDim);
    }
  }
  return { dtype, shape, data };
}
