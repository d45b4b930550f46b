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
  const exact = vectors % columns === 0;
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
  let wanted = group.x * ${columns}u + column;
  let vector = ${exact ? 'wanted' : `min(wanted, ${vectors - 1}u)`};
  var unit = slice;
  ${weight.read('var ')}
  ${reader.prepare}
  ${sumsOf(shape, rows)
    .map((name) => `var ${name} = vec4(0.0);`)
    .join('\n  ')}
  ${chunks === 1 ? weight.multiply(rows) : inChunks(split, weight, rows)}
  ${reduction(shape, split, rows)}
  if (slice == 0u${exact ? '' : ' && wanted == vector'}) {
    ${stores(shape, rows)}
  }
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

/** WGSL: the sums of the slices, in slice 0; each level has memory of its own. */
function reduction(
  shape: ProductShape,
  { columns, slices, ...split }: VectorSplit,
  rows: number,
): string {
  if (slices === 1) return '';
  const threads = threadsOf({ columns, slices, ...split });
  const sums = sumsOf(shape, rows);
  const cell = (i: number, slice: string): string =>
    `scratch[${i * threads}u + (${slice}) * ${columns}u + column]`;
  return `workgroupBarrier();
  for (var half = ${slices / 2}u; half > 0u; half /= 2u) {
    if (slice >= half && slice < 2u * half) {
      ${sums.map((name, i) => `${cell(i, 'slice')} = ${name};`).join('\n      ')}
    }
    workgroupBarrier();
    if (slice < half) {
      ${sums.map((name, i) => `${name} += ${cell(i, 'slice + half')};`).join('\n      ')}
    }
  }`;
}

function stores(shape: ProductShape, rows: number): string {
  return Array.from({ length: rows }, (_, row) => {
    const sums = Array.from({ length: halvesOf(shape) }, (__, half) => sumName(row, half));
    const call = `finish(first_row + ${row}u, vector, ${sums.join(', ')});`;
    return row === 0 ? call : `if (first_row + ${row}u < lengths.${shape.count}) { ${call} }`;
  }).join('\n    ');
}
