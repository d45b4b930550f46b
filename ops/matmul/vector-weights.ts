// What a thread of the matrix-vector form reads of the weight and how it multiplies it, by layout.

import { load, vectorsOf } from '../../src/wgsl.ts';
import { codesIn, packedReader, type PackedShape } from '../matmul-nbits/packed.ts';
import { columnsOf, halvesOf, type ProductShape } from './shape.ts';
import type { RowReader } from './vector-rows.ts';
import type { VectorSplit } from './vector-split.ts';

export interface WeightReader {
  readonly functions: string;
  /**
   * WGSL: puts the units of a chunk in registers, the first time (`var `) or again (''). `unit` is the first
   * unit's number, `vector` the thread's vector of columns.
   */
  readonly read: (declare: 'var ' | '') => string;
  /** WGSL: adds the products of the chunk's units with x to the sums. */
  readonly multiply: (rows: number) => string;
}

/** The name of the sum of a row and half. */
export function sumName(row: number, half: number): string {
  return `sum_${row}_${half}`;
}

export function weightReader(
  shape: ProductShape,
  split: VectorSplit,
  x: RowReader['at'],
): WeightReader {
  return shape.weight.layout === 'blocks'
    ? blocksReader(shape, shape.weight, split, x)
    : denseReader(shape, split, x);
}

const four = [0, 1, 2, 3] as const;

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function registerOf(step: number, half: number, i: number): string {
  return `w_${step}_${half}_${i}`;
}

function vectorOf(component: (i: number) => string): string {
  return `vec4(${four.map(component).join(', ')})`;
}

/** WGSL: the unit `step` steps on, and where the weight ends the last one. */
function unitAt({ slices, units, chunk, chunks }: VectorSplit, step: number): string {
  const unit = step === 0 ? 'unit' : `unit + ${step * slices}u`;
  return chunk * chunks * slices > units ? `min(${unit}, ${units - 1}u)` : unit;
}

/** WGSL: the weight's row for column `i` of the thread's four. */
function rowOf(shape: ProductShape, half: number, i: number): string {
  const rows = columnsOf(shape);
  const row = rows % 4 === 0 ? `4u * vector + ${i}u` : `min(4u * vector + ${i}u, ${rows - 1}u)`;
  return half === 0 ? row : `${row} + ${shape.outputs}u`;
}

function denseReader(shape: ProductShape, split: VectorSplit, x: RowReader['at']): WeightReader {
  const { inputs, outputs, weight } = shape;
  const halves = upTo(halvesOf(shape));
  const steps = upTo(split.chunk);
  const pitch = vectorsOf(outputs) * halves.length;
  const element = weight.layout === 'blocks' ? 'f32' : weight.element;
  const index = (step: number, half: number, i: number): string => {
    const unit = unitAt(split, step);
    if (weight.layout === 'out-in') {
      return `(${rowOf(shape, half, i)}) * ${split.units}u + ${unit}`;
    }
    const row = `4u * (${unit}) + ${i}u`;
    const within = inputs % 4 === 0 ? `(${row})` : `min(${row}, ${inputs - 1}u)`;
    return `${within} * ${pitch}u + vector + ${half * vectorsOf(outputs)}u`;
  };
  return {
    functions: '',
    read: (declare) =>
      lines(steps, halves, (step, half) =>
        four.map(
          (i) =>
            `${declare}${registerOf(step, half, i)} = ${load(element, 'weight', index(step, half, i))};`,
        ),
      ),
    multiply: (rows) =>
      lines(steps, upTo(rows), (step, row) => [
        `let x_${step}_${row} = ${x(row, `unit + ${step * split.slices}u`, 0)};`,
        ...halves.map((half) => {
          const sum = sumName(row, half);
          const columns = four.map((i) => registerOf(step, half, i)).join(', ');
          return `${sum} = fold(${sum}, x_${step}_${row}, ${columns});`;
        }),
      ]),
  };
}

// Products are summed over a unit, which lies in one block, and scaled once.
function blocksReader(
  shape: ProductShape,
  packed: PackedShape,
  split: VectorSplit,
  x: RowReader['at'],
): WeightReader {
  const halves = upTo(halvesOf(shape));
  const steps = upTo(split.chunk);
  const perBlock = packed.blockSize / codesIn(packed, split.words);
  const word = (step: number, half: number, i: number, vector: number): string => {
    const register = registerOf(step, half, i);
    const inWord = 8 / packed.bits;
    const of = split.words === 1 ? register : `${register}[${Math.floor(vector / inWord)}]`;
    return `codes_of(${of}, ${vector % inWord}u) - z_${step}_${half}[${i}]`;
  };
  const multiplyUnit = (step: number, half: number, rows: readonly number[]): readonly string[] => [
    ...rows.map((row) => `var part_${row} = vec4(0.0);`),
    ...upTo(split.vectors).flatMap((vector) => [
      '{',
      ...four.map((i) => `let d_${i} = ${word(step, half, i, vector)};`),
      ...rows.map(
        (row) =>
          `part_${row} = fold(part_${row}, ${x(row, `unit + ${step * split.slices}u`, vector)}, d_0, d_1, d_2, d_3);`,
      ),
      '}',
    ]),
    ...rows.map((row) => `${sumName(row, half)} += part_${row} * s_${step}_${half};`),
  ];
  return {
    functions: packedReader(packed, shape.inputs),
    read: (declare) =>
      lines(steps, halves, (step, half) => {
        const unit = unitAt(split, step);
        const block = `(${unit}) / ${perBlock}u`;
        const row = (i: number): string => rowOf(shape, half, i);
        return [
          ...four.map(
            (i) =>
              `${declare}${registerOf(step, half, i)} = weight[(${row(i)}) * ${split.units}u + ${unit}];`,
          ),
          `${declare}s_${step}_${half} = ${vectorOf((i) => `scale_at(${row(i)}, ${block})`)};`,
          `${declare}z_${step}_${half} = ${vectorOf((i) => `zero_at(${row(i)}, ${block})`)};`,
        ];
      }),
    multiply: (rows) =>
      lines(steps, halves, (step, half) => ['{', ...multiplyUnit(step, half, upTo(rows)), '}']),
  };
}

function lines(
  outer: readonly number[],
  inner: readonly number[],
  of: (a: number, b: number) => readonly string[],
): string {
  return outer.flatMap((a) => inner.flatMap((b) => of(a, b))).join('\n  ');
}
