// A product for few rows, where reading the weight is all the work: every element of it is read
// once for up to four rows, by threads side by side where memory is.

import { type GpuLimits, header, type Kernel, mainParameters, vectorsOf } from '../../src/wgsl.ts';
import { wordType } from '../matmul-nbits/packed.ts';
import { epilogue } from './epilogue.ts';
import { foldOf } from './fold.ts';
import {
  bindingsOf,
  columnsOf,
  halvesOf,
  nameOf,
  productGrid,
  type ProductShape,
} from './shape.ts';
import { fitsNorm, rowReader, threadsOf } from './vector-rows.ts';
import { type VectorSplit, vectorSplit } from './vector-split.ts';
import { sumOf } from './sum-of.ts';
import { sumName, type WeightReader, weightReader } from './vector-weights.ts';

/** Rows of x that a workgroup works on at once. */
export type VectorRows = 1 | 2 | 4;

/** Whether `productVector` takes the shape with a LayerNormalization before the product. */
export function canNormalize(shape: ProductShape, limits: GpuLimits, rows: VectorRows): boolean {
  return fitsNorm(shape, vectorSplit(shape, limits), rows, limits);
}

/** The product in its matrix-vector form; bindings as in `bindingsOf`. */
export function productVector(shape: ProductShape, limits: GpuLimits, rows: VectorRows): Kernel {
  const split = vectorSplit(shape, limits);
  const { columns, slices, words, chunks } = split;
  const bindings = bindingsOf(shape, wordType(words));
  const reader = rowReader(shape, split, rows, limits);
  const weight = weightReader(shape, split, reader.at);
  const vectors = vectorsOf(columnsOf(shape));
  const wanted = `group.x * ${columns}u + column`;
  const lies = shape.weight.layout === 'in-out';
  const wgsl = `${header(bindings)}

var<workgroup> scratch: array<vec4<f32>, ${Math.max(reader.scratch, sumsOf(shape, rows).length * threadsOf(split))}>;
${reader.functions}
${weight.functions}
${foldOf(shape.weight.layout)}
${epilogue(shape)}

@compute @workgroup_size(${threadsOf(split)})
fn main(
  ${mainParameters}
) {
  let first_row = group.y * ${rows}u;
  let column = ${lies ? `thread % ${columns}u` : `thread / ${slices}u`};
  let slice = ${lies ? `thread / ${columns}u` : `thread % ${slices}u`};
  let vector = ${vectors % columns === 0 ? wanted : `min(${wanted}, ${vectors - 1}u)`};
  var unit = slice;
  ${weight.read('var ')}
  ${reader.prepare}
  ${sumsOf(shape, rows)
    .map((name) => `var ${name} = vec4(0.0);`)
    .join('\n  ')}
  ${chunks === 1 ? weight.multiply(rows) : inChunks(split, weight, rows)}
  ${reader.scratch === 0 ? '' : 'workgroupBarrier();'}
  ${together(shape, split, rows)}
}
`;
  return {
    name: nameOf('vector', shape),
    wgsl,
    bindings,
    grid: productGrid(shape, { columns: columns * 4, rows }),
  };
}

function inChunks(
  { slices, chunk, chunks }: VectorSplit,
  { read, multiply }: WeightReader,
  rows: number,
): string {
  return `for (var done = 1u; done <= ${chunks}u; done++) {
    ${multiply(rows)}
    unit += ${chunk * slices}u;
    if (done < ${chunks}u) {
      ${read('')}
    }
  }`;
}

function sumsOf(shape: ProductShape, rows: number): readonly string[] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: halvesOf(shape) }, (__, half) => sumName(row, half)),
  ).flat();
}

/** Sums that one thread adds up at a time. */
const mostAdded = 8;

/** WGSL: adds up the sums of the slices in two rounds, and stores what they make. */
function together(shape: ProductShape, split: VectorSplit, rows: number): string {
  const { columns, slices } = split;
  const threads = threadsOf(split);
  const halves = Array.from({ length: halvesOf(shape) }, (_, half) => half);
  const at = (half: number, slice: string): string =>
    `scratch[(cell / ${columns}u * ${halves.length}u + ${half}u) * ${threads}u + (${slice}) * ${columns}u + cell % ${columns}u]`;
  const adders = Math.max(1, slices / mostAdded);
  const cells = rows * columns;
  const added = (count: number, slice: (i: string) => string): string =>
    halves
      .map(
        (half) => `var sum_${half} = vec4(0.0);
    ${sumOf(`sum_${half}`, count, (i) => at(half, slice(i)))}`,
      )
      .join('\n    ');
  const first = `if (thread < ${adders * cells}u) {
    let cell = thread % ${cells}u;
    let adder = thread / ${cells}u;
    ${added(mostAdded, (i) => `adder + (${i}) * ${adders}u`)}
    ${halves.map((half) => `${at(half, 'adder')} = sum_${half};`).join('\n    ')}
  }
  workgroupBarrier();`;
  return `${sumsOf(shape, rows)
    .map((name, i) => `scratch[${i * threads}u + slice * ${columns}u + column] = ${name};`)
    .join('\n  ')}
  workgroupBarrier();
  ${adders === 1 ? '' : first}
  for (var cell = thread; cell < ${cells}u; cell += ${threads}u) {
    ${added(adders === 1 ? slices : adders, (i) => i)}
    let row = first_row + cell / ${columns}u;
    let place = group.x * ${columns}u + cell % ${columns}u;
    if (row < lengths.${shape.count} && place < ${vectorsOf(columnsOf(shape))}u) {
      finish(row, place, ${halves.map((half) => `sum_${half}`).join(', ')});
    }
  }`;
}
