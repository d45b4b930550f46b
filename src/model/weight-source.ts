// Gives a graph's weights their values, in chunks: tensors are read in slabs, decoded to float32,
// transposed or quantized where the recipe says so, and looked over for values that are not finite.
//
// Memory is two slabs and a panel, whatever the size of a tensor; for quantized weights also the
// codes of a slab, and the scales and zero points of the tensor.

import { ToolkitError } from '../base/errors.ts';
import { chunkBytes, panelBytes } from '../base/limits.ts';
import type { NonFiniteWeight } from '../base/manifest.ts';
import { settle } from '../base/settle.ts';
import { sizeOf, type TensorRef } from '../base/tensors.ts';
import type { Graph, Initializer } from '../ir/graph.ts';
import type { WeightChunk, WeightSource } from '../ir/weights.ts';
import { type BlockEngine, callingThread } from '../quantize/block-engine.ts';
import type { RoundedWeights } from '../quantize/rounded.ts';
import type { Tensors } from './bind.ts';
import { blockForms, type Rounding } from './block-forms.ts';
import { rotaryRows } from './rotary.ts';
import { SlabReader } from './slab-reader.ts';
import { transposeInto } from './transpose.ts';

export interface CheckpointWeights extends WeightSource {
  /** Weights read so far that hold NaN or infinite values. */
  nonFinite(): readonly NonFiniteWeight[];
}

export interface WeightOptions {
  /** Told how many bytes of the checkpoint were read. */
  readonly onRead?: (bytes: number) => void;
  /** The codes of all quantized weights, where they were found before. */
  readonly rounded?: RoundedWeights | undefined;
  /** Rounds them where they were not; the calling thread by default. */
  readonly engine?: BlockEngine | undefined;
}

/** The weights of a checkpoint whose tensors were bound to the graph. */
export function checkpointWeights(
  tensors: Tensors,
  { onRead, rounded, engine = callingThread }: WeightOptions = {},
): CheckpointWeights {
  const reader = new SlabReader(onRead, engine.memory);
  const rounding: Rounding = { engine, rounded, memory: new Map() };
  const counts = new Map<string, number>();
  const count = (name: string, floats: Float32Array): void => {
    const bad = countNonFinite(floats);
    if (bad > 0) counts.set(name, (counts.get(name) ?? 0) + bad);
  };
  return {
    async read(forms, take) {
      const [first] = forms;
      if (first === undefined) return;
      const { recipe } = first;
      if (recipe.kind === 'rotary') {
        for (const rows of rotary(first, recipe.fn, recipe.theta)) await take(0, rows);
        return;
      }
      if (recipe.kind !== 'weight' && recipe.kind !== 'blocks') {
        throw new ToolkitError('INTERNAL', `no floats in a recipe of ${recipe.kind}`);
      }
      const parts = recipe.tensors.map((name) => bound(tensors, name));
      await readParts(parts, forms, take, { reader, count, rounding });
    },
    nonFinite: () => [...counts].map(([name, n]) => ({ name, count: n })),
  };
}

type Take = (form: number, chunk: WeightChunk) => Promise<void>;

interface Reading {
  readonly reader: SlabReader;
  readonly count: (name: string, floats: Float32Array) => void;
  readonly rounding: Rounding;
}

/** Hands rows to the forms that keep them as rows, and panels of columns to those that do not. */
async function readParts(
  parts: readonly TensorRef[],
  forms: readonly Initializer[],
  take: Take,
  reading: Reading,
): Promise<void> {
  const blocks = blockForms(forms, parts, reading.rounding);
  const indices = forms.map((_, form) => form);
  const plain = indices.filter((form) => isTransposed(forms[form]) === false);
  const [turned] = indices.filter((form) => isTransposed(forms[form]) === true);
  const onRows = async (rows: Float32Array, tensor: string): Promise<void> => {
    await settle([...plain.map((form) => take(form, rows)), blocks.rows(rows, tensor, take)]);
  };
  const initializer = turned === undefined ? undefined : forms[turned];
  if (turned === undefined || initializer === undefined) {
    await readRows(parts, reading, onRows);
  } else {
    for await (const piece of transposed(initializer, parts, reading, onRows)) {
      await take(turned, piece);
    }
  }
  await blocks.finish(take);
}

/** Undefined for what is no float weight. */
function isTransposed(form: Initializer | undefined): boolean | undefined {
  return form?.recipe.kind === 'weight' ? form.recipe.transpose : undefined;
}

/** Bytes of the checkpoint that writing a graph's weights reads. */
export function weightBytes(graph: Graph, tensors: Tensors): number {
  return graph.initializers.reduce((total, { type, recipe }) => {
    if (recipe.kind !== 'weight') return total;
    const sizes = recipe.tensors.map((name) => tensors.get(name)?.size ?? 0);
    const panels = recipe.transpose ? Math.ceil((type.shape[0] ?? 0) / panelRowsOf(type.shape)) : 1;
    return total + panels * sizes.reduce((sum, size) => sum + size, 0);
  }, 0);
}

/** Rows of the transposed matrix that a panel holds. */
function panelRowsOf([width = 1, stride = 1]: readonly number[]): number {
  return Math.max(1, Math.min(width, Math.floor(panelBytes / 4 / stride)));
}

/** What is done with whole rows of a tensor. */
type OnRows = (rows: Float32Array, tensor: string) => Promise<void>;

/** Tensors one behind the other. */
async function readRows(
  parts: readonly TensorRef[],
  { reader, count }: Reading,
  onRows: OnRows,
): Promise<void> {
  for (const tensor of parts) {
    for await (const slab of reader.slabs(tensor, widthOf(tensor))) {
      count(tensor.name, slab);
      await onRows(slab, tensor.name);
    }
  }
}

/** Elements of a row. */
function widthOf({ shape }: TensorRef): number {
  return sizeOf(shape.slice(1));
}

/** Tensors [out, in] side by side as [in, Σ out], a panel of rows at a time. */
async function* transposed(
  { type }: Initializer,
  parts: readonly TensorRef[],
  { reader, count }: Reading,
  onRows: OnRows,
): AsyncGenerator<Float32Array> {
  const [width = 1, stride = 1] = type.shape;
  const panelRows = panelRowsOf(type.shape);
  for (let from = 0; from < width; from += panelRows) {
    const to = Math.min(from + panelRows, width);
    const out = reader.panel((to - from) * stride);
    let column = 0;
    for (const tensor of parts) {
      for await (const slab of reader.slabs(tensor, width)) {
        const rows = slab.length / width;
        transposeInto(slab, rows, width, { from, to }, { out, stride, column });
        column += rows;
        if (from > 0) continue; // later panels read the same numbers
        count(tensor.name, slab);
        await onRows(slab, tensor.name);
      }
    }
    yield* pieces(out);
  }
}

function* rotary({ type }: Initializer, fn: 'cos' | 'sin', theta: number): Generator<Float32Array> {
  const [positions = 0, half = 1] = type.shape;
  const rows = Math.ceil(chunkBytes / 4 / half);
  for (let from = 0; from < positions; from += rows) {
    yield rotaryRows(fn, theta, half, { from, to: Math.min(from + rows, positions) });
  }
}

/** Chunks of the usual size. */
function* pieces(floats: Float32Array): Generator<Float32Array> {
  const length = chunkBytes / 4;
  for (let from = 0; from < floats.length; from += length) {
    yield floats.subarray(from, from + length);
  }
}

/** How many are NaN or infinite: those whose exponent is all ones. */
function countNonFinite(floats: Float32Array): number {
  const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
  const whole = bits.length - (bits.length % 4); // a loop that reads beyond the end runs slower
  let [a, b] = [0, 0]; // two, so that no step waits for the one before
  for (let i = 0; i < whole; i += 4) {
    a |= carry(bits[i] ?? 0) | carry(bits[i + 1] ?? 0);
    b |= carry(bits[i + 2] ?? 0) | carry(bits[i + 3] ?? 0);
  }
  for (let i = whole; i < bits.length; i++) a |= carry(bits[i] ?? 0);
  return (a | b) >= 0 ? 0 : floats.filter((value) => !Number.isFinite(value)).length;
}

/** Negative for an exponent of all ones: one more carries into the sign. */
function carry(bits: number): number {
  return ((bits & 0x7fffffff) + 0x00800000) | 0;
}

function bound(tensors: Tensors, name: string): TensorRef {
  const tensor = tensors.get(name);
  if (!tensor) throw new ToolkitError('INTERNAL', `${name} was not bound`);
  return tensor;
}
