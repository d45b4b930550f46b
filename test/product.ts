// A product of random numbers: what a kernel of its shape binds, and what plain loops make of it.

import { fromHalf, toHalf } from '../src/base/half.ts';
import { type Element, vectorsOf } from '../src/wgsl.ts';
import { activationOf } from '../ops/activations.ts';
import type { ProductShape } from '../ops/matmul/shape.ts';
import { weightRow } from '../ops/matmul-nbits/reference.ts';
import { noise } from './agree.ts';
import { type Content, zeros } from './gpu.ts';

export interface ProductCase {
  readonly contents: Readonly<Record<string, Content>>;
  /** [rows, outputs], zeros in the columns of other parts. */
  readonly expected: Float64Array;
}

export interface Draw {
  readonly rows: number;
  readonly seed: number;
  /** Largest magnitude of x; the weight is scaled so that results are near 1. */
  readonly reach: number;
}

/** Columns of the weight, and which of them are bound. */
function columnsOf({ outputs, gated, part }: ProductShape): {
  readonly all: number;
  readonly first: number;
  readonly count: number;
} {
  const all = gated ? 2 * outputs : outputs;
  return { all, first: part?.first ?? 0, count: part?.count ?? all };
}

export function productCase(shape: ProductShape, { rows, seed, reach }: Draw): ProductCase {
  const { inputs, outputs, element, bias, norm } = shape;
  const { all } = columnsOf(shape);
  const x = random(element, rows * inputs, seed, reach);
  const { columns, contents } = randomWeight(shape, seed + 1, 1 / Math.max(1, norm ? 1 : reach));
  const biases = random(bias ?? 'f32', all, seed + 2, 1);
  const residuals = random(element, rows * outputs, seed + 3, 4);
  const scale = random(norm?.weight ?? 'f32', inputs, seed + 4, 1);
  const shift = random(norm?.weight ?? 'f32', inputs, seed + 5, 1);
  const left = norm ? normalized(x, inputs, norm.epsilon, scale, norm.bias ? shift : []) : x;
  const expected = finished(shape, rows, { biases, residuals, sum: sumsOf(left, inputs, columns) });
  return {
    contents: {
      x: filledUp(x, inputs),
      scale: { rows: 1, columns: inputs, data: scale },
      shift: { rows: 1, columns: inputs, data: shift },
      ...contents,
      bias: { rows: 1, columns: all, data: biases },
      residual: { rows, columns: outputs, data: residuals },
      y: zeros(rows, outputs),
    },
    expected,
  };
}

/** The rows with numbers where kernels expect anything finite: up to a multiple of four. */
function filledUp(data: Float64Array, columns: number): Content {
  const pitch = vectorsOf(columns) * 4;
  const rows = data.length / columns;
  const filled = new Float64Array(rows * pitch).fill(3);
  for (let row = 0; row < rows; row++) {
    filled.set(data.subarray(row * columns, (row + 1) * columns), row * pitch);
  }
  return { rows, columns: pitch, data: filled };
}

/** Noise that the element can hold. */
function random(element: Element, size: number, seed: number, reach: number): Float64Array {
  const { data } = noise('float32', [size], seed, reach);
  return Float64Array.from(data as Float32Array, (value) =>
    element === 'f32' ? value : fromHalf(toHalf(value)),
  );
}

function sumsOf(x: Float64Array, inputs: number, columns: readonly Float64Array[]) {
  return (row: number, column: number): number => {
    let sum = 0;
    const weights = columns[column] ?? [];
    for (let i = 0; i < inputs; i++) sum += (x[row * inputs + i] ?? 0) * (weights[i] ?? 0);
    return sum;
  };
}

function normalized(
  x: Float64Array,
  inputs: number,
  epsilon: number,
  scale: Float64Array,
  shift: ArrayLike<number>,
): Float64Array {
  return x.map((value, i) => {
    const start = i - (i % inputs);
    const row = x.subarray(start, start + inputs);
    const mean = row.reduce((a, b) => a + b, 0) / inputs;
    const spread = row.reduce((a, b) => a + (b - mean) ** 2, 0) / inputs;
    const by = (value - mean) / Math.sqrt(spread + epsilon);
    return by * (scale[i % inputs] ?? 0) + (shift[i % inputs] ?? 0);
  });
}

function finished(
  shape: ProductShape,
  rows: number,
  of: {
    readonly biases: Float64Array;
    readonly residuals: Float64Array;
    readonly sum: (row: number, column: number) => number;
  },
): Float64Array {
  const { outputs, bias, activation, gated, residual } = shape;
  const { first, count } = columnsOf(shape);
  const apply = activation === undefined ? (v: number) => v : activationOf(activation).apply;
  const result = new Float64Array(rows * outputs);
  const biased = (row: number, column: number): number =>
    of.sum(row, column) + (bias ? (of.biases[column] ?? 0) : 0);
  for (let row = 0; row < rows; row++) {
    for (let column = first; column < Math.min(first + count, outputs); column++) {
      const place = row * outputs + column;
      const value = apply(biased(row, column));
      const gate = gated ? biased(row, column + outputs) : 1;
      result[place] = value * gate + (residual ? (of.residuals[place] ?? 0) : 0);
    }
  }
  return result;
}

/** The columns of a random weight as numbers, and its bound part as buffers. */
function randomWeight(
  shape: ProductShape,
  seed: number,
  reach: number,
): {
  readonly columns: readonly Float64Array[];
  readonly contents: Readonly<Record<string, Content>>;
} {
  const { inputs, weight } = shape;
  const { all, first, count } = columnsOf(shape);
  if (weight.layout === 'blocks') return randomBlocks(shape, seed, reach);
  const data = random(weight.element, all * inputs, seed, reach / Math.sqrt(inputs));
  const transposed = weight.layout === 'in-out';
  const columns = Array.from({ length: all }, (_, column) =>
    Float64Array.from(
      { length: inputs },
      (__, i) => data[transposed ? i * all + column : column * inputs + i] ?? 0,
    ),
  );
  const matrix = transposed
    ? { rows: inputs, columns: all, data }
    : { rows: count, columns: inputs, data: data.subarray(first * inputs) };
  return { columns, contents: { weight: matrix } };
}

function randomBlocks(
  { inputs, outputs, gated, weight, part }: ProductShape,
  seed: number,
  reach: number,
): ReturnType<typeof randomWeight> {
  if (weight.layout !== 'blocks') throw new TypeError('a packed weight');
  const { bits, blockSize, zeroPoints, scale } = weight;
  const all = gated ? 2 * outputs : outputs;
  const blocks = Math.ceil(inputs / blockSize);
  const rowBytes = (blocks * blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const codes = Uint8Array.from(random('f32', all * rowBytes, seed, 1), byteOf);
  const zeroCodes = Uint8Array.from(random('f32', all * zeroBytes, seed + 7, 1), byteOf);
  const size = reach / Math.sqrt(inputs) / 2 ** (bits - 1);
  const scales = random(scale, all * blocks, seed + 8, size);
  const data = { bits, blockSize, columns: inputs, codes, scales };
  const columns = Array.from({ length: all }, (_, row) =>
    weightRow(zeroPoints ? { ...data, zeroPoints: zeroCodes } : data, row),
  );
  const first = part?.first ?? 0;
  const end = part ? first + part.count : all;
  const bound = scales.subarray(first * blocks, end * blocks);
  const contents = {
    weight: codes.slice(first * rowBytes, end * rowBytes),
    scales: new Uint8Array(
      scale === 'f32' ? Float32Array.from(bound).buffer : Uint16Array.from(bound, toHalf).buffer,
    ),
    zero_points: zeroCodes.slice(first * zeroBytes, end * zeroBytes),
  };
  return { columns, contents };
}

function byteOf(value: number): number {
  return Math.floor(Math.abs(value) * 256);
}
