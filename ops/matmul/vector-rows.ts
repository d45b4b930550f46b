// The rows of x in the matrix-vector form: brought into workgroup memory once for all columns, as
// f32, normalized there where the shape asks for it. Where they do not fit they are read in place.

import { type GpuLimits, literal, load, vectorsOf } from '../../src/wgsl.ts';
import type { ProductShape } from './shape.ts';
import type { VectorSplit } from './vector-split.ts';

export interface RowReader {
  /** Vectors of workgroup memory, of the array `scratch`. */
  readonly scratch: number;
  /** WGSL: `x_at(row: u32, unit: u32, vector: u32) -> vec4<f32>`, zeros behind the end of x. */
  readonly functions: string;
  /** WGSL that goes before the first call, in uniform control flow. */
  readonly prepare: string;
}

/** Whether a LayerNormalization can go before the product, with so many rows in a workgroup. */
export function fitsNorm(
  { inputs }: ProductShape,
  split: VectorSplit,
  rows: number,
  { workgroupMemory }: GpuLimits,
): boolean {
  return inputs % 4 === 0 && 16 * (rows * pitchOf(split) + threadsOf(split)) <= workgroupMemory;
}

export function rowReader(
  shape: ProductShape,
  split: VectorSplit,
  rows: number,
  { workgroupMemory }: GpuLimits,
): RowReader {
  const pitch = pitchOf(split);
  const functions = inPlace(shape, split, rows);
  if (16 * rows * pitch > workgroupMemory) {
    const x = `
fn x_at(row: u32, unit: u32, vector: u32) -> vec4<f32> {
  return x_vector(row, unit * ${split.vectors}u + vector);
}`;
    return { scratch: 0, functions: `${functions}\n${x}`, prepare: '' };
  }
  // Threads that read units side by side read vectors side by side.
  const x = `
fn x_at(row: u32, unit: u32, vector: u32) -> vec4<f32> {
  return scratch[row * ${pitch}u + vector * ${pitch / split.vectors}u + unit];
}`;
  const sum = shape.norm ? sumOfThreads(rows * pitch, threadsOf(split)) : '';
  return {
    scratch: rows * pitch + (shape.norm ? threadsOf(split) : 0),
    functions: [functions, x, sum].join('\n'),
    prepare: shape.norm ? normalized(shape, split, rows) : staged(split, rows),
  };
}

export function threadsOf({ columns, slices }: VectorSplit): number {
  return columns * slices;
}

/** Vectors of a row with zeros for the units behind its end. */
function pitchOf({ slices, chunk, chunks, vectors }: VectorSplit): number {
  return slices * chunk * chunks * vectors;
}

/** WGSL: `x_vector`, vector `i` of a row of the workgroup, zeros behind its end. */
function inPlace(
  { inputs, element, count }: ProductShape,
  split: VectorSplit,
  rows: number,
): string {
  const vectors = vectorsOf(inputs);
  const last = `${vectors - 1}u`;
  const padded = pitchOf(split) > vectors;
  const at = padded ? `min(i, ${last})` : 'i';
  const value = load(element, 'x', `place * ${vectors}u + ${at}`);
  const tail = ['x', 'y', 'z', 'w'].map((name, i) => (i < inputs % 4 ? `value.${name}` : '0.0'));
  return `
var<private> first_row: u32 = 0u;

fn x_vector(row: u32, i: u32) -> vec4<f32> {
  let place = ${rows === 1 ? 'first_row' : `min(first_row + row, lengths.${count} - 1u)`};
  var value = ${value};
  ${inputs % 4 === 0 ? '' : `if (i == ${last}) { value = vec4(${tail.join(', ')}); }`}
  ${padded ? `if (i > ${last}) { value = vec4(0.0); }` : ''}
  return value;
}`;
}

/** WGSL: a loop over the vectors of a row that are this thread's. */
function overVectors(split: VectorSplit, body: string): string {
  const place = `i % ${split.vectors}u * ${pitchOf(split) / split.vectors}u + i / ${split.vectors}u`;
  return `for (var i = thread; i < ${pitchOf(split)}u; i += ${threadsOf(split)}u) {
    let place = ${split.vectors === 1 ? 'i' : place};
    ${body}
  }`;
}

function staged(split: VectorSplit, rows: number): string {
  const loops = Array.from({ length: rows }, (_, row) =>
    overVectors(split, `scratch[${row * pitchOf(split)}u + place] = x_vector(${row}u, i);`),
  );
  return `${loops.join('\n  ')}\n  workgroupBarrier();`;
}

// A thread reads and changes its own vectors only, up to the last barrier. Component r of a sum is row r's.
function normalized({ inputs, norm }: ProductShape, split: VectorSplit, rows: number): string {
  if (!norm) return '';
  const each = (body: (cell: string, component: string, row: number) => string): string =>
    Array.from({ length: rows }, (_, row) =>
      overVectors(split, body(`scratch[${row * pitchOf(split)}u + place]`, `[${row}]`, row)),
    ).join('\n  ');
  const within = (statement: string): string =>
    pitchOf(split) > inputs / 4 ? `if (i < ${inputs / 4}u) { ${statement} }` : statement;
  const shift = norm.bias ? ` + ${load(norm.weight, 'shift', 'i')}` : '';
  return `
  var total = vec4(0.0);
  ${each(
    (cell, component, row) => `let value = x_vector(${row}u, i);
    ${cell} = value;
    total${component} += dot(value, vec4(1.0));`,
  )}
  let mean = sum_of_threads(total, thread) / ${literal(inputs)};
  var squares = vec4(0.0);
  ${each((cell, component) =>
    within(`let apart = ${cell} - mean${component}; squares${component} += dot(apart, apart);`),
  )}
  let inverse = inverseSqrt(sum_of_threads(squares, thread) / ${literal(inputs)} + ${literal(norm.epsilon)});
  ${each((cell, component) =>
    within(
      `${cell} = (${cell} - mean${component}) * inverse${component} * ${load(norm.weight, 'scale', 'i')}${shift};`,
    ),
  )}
  workgroupBarrier();`;
}

function sumOfThreads(base: number, threads: number): string {
  return `
fn sum_of_threads(value: vec4<f32>, thread: u32) -> vec4<f32> {
  var sum = value;
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (thread >= half && thread < 2u * half) { scratch[${base}u + thread] = sum; }
    workgroupBarrier();
    if (thread < half) { sum += scratch[${base}u + thread + half]; }
  }
  if (thread == 0u) { scratch[${base}u] = sum; }
  workgroupBarrier();
  return scratch[${base}u];
}`;
}
