// The rows of x in the matrix-vector form: brought into workgroup memory once for all columns, as
// f32, normalized there where the shape asks for it. Where they take too much of it they are read in place.

import { type GpuLimits, literal, load, vectorsOf } from '../../src/wgsl.ts';
import { sumOf } from './sum-of.ts';
import type { NormPrologue, ProductShape } from './shape.ts';
import type { VectorSplit } from './vector-split.ts';
import { xVector } from './x-vector.ts';

export interface RowReader {
  /** Vectors of workgroup memory, of the array `scratch`. */
  readonly scratch: number;
  readonly functions: string;
  /** WGSL that goes before the first read, in uniform control flow. */
  readonly prepare: string;
  /** WGSL: a vector of a unit of one of the workgroup's rows; zeros behind the end of x. */
  readonly at: (row: number, unit: string, vector: number) => string;
}

/** Whether a LayerNormalization can go before the product, with so many rows in a workgroup. */
export function fitsNorm(
  { inputs }: ProductShape,
  split: VectorSplit,
  rows: number,
  { workgroupMemory }: GpuLimits,
): boolean {
  return (
    inputs % 4 === 0 && 16 * (rows * pitchOf(split) + threadsOf(split) + adders) <= workgroupMemory
  );
}

export function rowReader(
  shape: ProductShape,
  split: VectorSplit,
  rows: number,
  { workgroupMemory }: GpuLimits,
): RowReader {
  const pitch = pitchOf(split);
  const functions = xVector(shape, {
    rows: rows > 1,
    vectors: pitch > vectorsOf(shape.inputs),
  });
  // two workgroups at least shall fit side by side
  if (!shape.norm && 32 * rows * pitch > workgroupMemory) {
    return {
      scratch: 0,
      functions,
      prepare: '',
      at: (row, unit, vector) =>
        `x_vector(first_row + ${row}u, (${unit}) * ${split.vectors}u + ${vector}u)`,
    };
  }
  const { norm } = shape;
  return {
    scratch: rows * pitch + (norm ? threadsOf(split) + adders : 0),
    functions: norm ? `${functions}\n${sumOfThreads(rows * pitch, threadsOf(split))}` : functions,
    prepare: norm ? normalized(shape, norm, split, rows) : staged(split, rows),
    // threads that read units side by side read vectors side by side
    at: (row, unit, vector) =>
      `scratch[${row * pitch + (vector * pitch) / split.vectors}u + ${unit}]`,
  };
}

export function threadsOf({ columns, slices }: VectorSplit): number {
  return columns * slices;
}

/** Vectors of a row with zeros for the units behind its end. */
function pitchOf({ slices, chunk, chunks, vectors }: VectorSplit): number {
  return slices * chunk * chunks * vectors;
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
    overVectors(
      split,
      `scratch[${row * pitchOf(split)}u + place] = x_vector(first_row + ${row}u, i);`,
    ),
  );
  return `${loops.join('\n  ')}\n  workgroupBarrier();`;
}

// A thread reads and changes its own vectors only, up to the last barrier. Component r of a sum is row r's.
function normalized(
  { inputs }: ProductShape,
  norm: NormPrologue,
  split: VectorSplit,
  rows: number,
): string {
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
    (cell, component, row) => `let value = x_vector(first_row + ${row}u, i);
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

/** Threads that add up what all have, before every thread adds up what these have. */
const adders = 16;

function sumOfThreads(base: number, threads: number): string {
  const few = Math.min(adders, threads);
  const behind = base + threads;
  return `
fn sum_of_threads(value: vec4<f32>, thread: u32) -> vec4<f32> {
  scratch[${base}u + thread] = value;
  workgroupBarrier();
  if (thread < ${few}u) {
    var part = vec4(0.0);
    ${sumOf('part', threads / few, (i) => `scratch[${base}u + thread + (${i}) * ${few}u]`)}
    scratch[${behind}u + thread] = part;
  }
  workgroupBarrier();
  var sum = vec4(0.0);
  ${sumOf('sum', few, (i) => `scratch[${behind}u + ${i}]`)}
  return sum;
}`;
}
