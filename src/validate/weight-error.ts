// How far the weights of a model file are from those of the base file, part by part. It tells where
// rounding hits, not what it costs: a method that looks at activations takes larger errors of
// weights for smaller ones of outputs.

import type { Initializer, Node } from '../ir/graph.ts';
import { openBlocks, type WeightFile, type WeightRows } from './block-weight.ts';

/** The error of one part of the model. */
export interface PartError {
  /** `embeddings`, `layer 0`, `head` */
  readonly part: string;
  /** Root of the squared differences' sum, over that of the squared weights. */
  readonly error: number;
}

/** A matrix of the base file, [rows, columns] in the checkpoint. */
interface Matrix {
  readonly initializer: Initializer;
  readonly rows: number;
  readonly columns: number;
  /** Whether the file has it as [columns, rows]. */
  readonly transposed: boolean;
}

interface Sums {
  readonly difference: number;
  readonly weight: number;
}

/** The parts in the order of the graph; undefined where a matrix has no counterpart. */
export async function weightErrors(
  base: WeightFile,
  other: WeightFile,
): Promise<readonly PartError[] | undefined> {
  const parts = new Map<string, Sums>();
  for (const matrix of matricesOf(base)) {
    const rows = await openRows(other, matrix);
    if (rows === undefined) return undefined;
    const part = partOf(matrix.initializer.name);
    const { difference, weight } = parts.get(part) ?? { difference: 0, weight: 0 };
    const { data } = await base.weights.read(matrix.initializer);
    const added = sumsOf(rowsOf(data, matrix), rows, matrix);
    parts.set(part, {
      difference: difference + added.difference,
      weight: weight + added.weight,
    });
  }
  return [...parts].map(([part, { difference, weight }]) => ({
    part,
    error: difference === 0 ? 0 : Math.sqrt(difference / weight),
  }));
}

/** Matrices that tokens are looked up in or values are multiplied with, each once. */
function matricesOf({ graph }: WeightFile): readonly Matrix[] {
  const initializers = new Map(graph.initializers.map((each) => [each.name, each]));
  const found = new Map<string, Matrix>();
  for (const node of graph.nodes) {
    const initializer = initializers.get(node.inputs[weightInput(node) ?? -1] ?? '');
    if (initializer?.type.shape.length !== 2) continue;
    const transposed = node.op === 'MatMul';
    const [first = 0, second = 0] = initializer.type.shape;
    const [rows, columns] = transposed ? [second, first] : [first, second];
    found.set(initializer.name, { initializer, rows, columns, transposed });
  }
  return [...found.values()];
}

function weightInput({ domain, op }: Node): number | undefined {
  if (domain !== '') return undefined;
  return op === 'Gather' ? 0 : op === 'MatMul' || op === 'Gemm' ? 1 : undefined;
}

async function openRows(file: WeightFile, matrix: Matrix): Promise<WeightRows | undefined> {
  const { name } = matrix.initializer;
  const same = file.graph.initializers.find((each) => each.name === name);
  if (!same) return await openBlocks(file, name);
  return rowsOf((await file.weights.read(same)).data, matrix);
}

function rowsOf(
  data: ArrayLike<number>,
  { rows, columns, transposed }: Pick<Matrix, 'rows' | 'columns' | 'transposed'>,
): WeightRows {
  const [perRow, perColumn] = transposed ? [1, rows] : [columns, 1];
  return {
    read: (row, into) => {
      for (let column = 0; column < columns; column++) {
        into[column] = data[row * perRow + column * perColumn] ?? Number.NaN;
      }
    },
  };
}

function sumsOf(base: WeightRows, other: WeightRows, { rows, columns }: Matrix): Sums {
  const [expected, actual] = [new Float64Array(columns), new Float64Array(columns)];
  let difference = 0;
  let weight = 0;
  for (let row = 0; row < rows; row++) {
    base.read(row, expected);
    other.read(row, actual);
    for (let column = 0; column < columns; column++) {
      const value = expected[column] ?? 0;
      difference += ((actual[column] ?? 0) - value) ** 2;
      weight += value ** 2;
    }
  }
  return { difference, weight };
}

function partOf(name: string): string {
  const [, layer] = /^layers\.(\d+)\./.exec(name) ?? [];
  if (layer !== undefined) return `layer ${layer}`;
  return name.startsWith('embeddings.') ? 'embeddings' : 'head';
}
