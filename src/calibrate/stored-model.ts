// The weights of a model file that was written, as the checkpoint has them: by its names, rows of
// outputs, in float32. Where the file keeps codes, these are the numbers that the codes stand for.

import { ToolkitError } from '../base/errors.ts';
import type { Graph, Node } from '../ir/graph.ts';
import { openBlocks, type WeightFile, type WeightRows } from './block-weight.ts';
import type { Weights } from './weights.ts';

/** A tensor of the checkpoint in the graph: one of so many equal parts of a weight's rows. */
interface Place {
  readonly name: string;
  readonly part: number;
  readonly parts: number;
}

/** A matrix [rows, columns], or a vector, which is one row. */
interface Form {
  readonly rows: number;
  readonly columns: number;
  /** Whether the graph has it as [columns, rows]. */
  readonly transposed: boolean;
}

/**
 * The weights of `file`, whose matrices have their shapes in the graph of float32, `base`; `memory` gives what
 * they are read into. The last one that was opened stays open.
 */
export function storedModel(
  file: WeightFile,
  base: Graph,
  memory: (length: number) => Float32Array,
): Weights {
  const forms = formsOf(base);
  let open: { readonly name: string; readonly rows: Promise<WeightRows> } | undefined;

  const formOf = (name: string): Form => {
    const form = forms.get(name);
    if (!form) throw new ToolkitError('INTERNAL', `${name} is not in the graph`);
    return form;
  };
  const readRows = async (tensor: string, from: number, to: number): Promise<Float32Array> => {
    const { name, part, parts } = placeOf(tensor);
    const form = formOf(name);
    if (open?.name !== name) open = { name, rows: openRows(file, name, form) };
    const rows = await open.rows;
    const first = (part * form.rows) / parts;
    const out = memory((to - from) * form.columns);
    const row = new Float64Array(form.columns);
    for (let at = from; at < to; at++) {
      rows.read(first + at, row);
      out.set(row, (at - from) * form.columns);
    }
    return out;
  };
  const readVector = async (tensor: string): Promise<Float32Array> => {
    const { name, part, parts } = placeOf(tensor);
    const { columns } = formOf(name);
    const all = (await valuesOf(file, name)) ?? missing(name);
    const length = columns / parts;
    const out = memory(length);
    for (let i = 0; i < length; i++) out[i] = all[part * length + i] ?? Number.NaN;
    return out;
  };
  const has = (tensor: string): boolean => forms.has(placeOf(tensor).name);
  const rowsIn = (tensor: string): number => {
    const { name, parts } = placeOf(tensor);
    return formOf(name).rows / parts;
  };
  const read = (tensor: string): Promise<Float32Array> =>
    formOf(placeOf(tensor).name).rows === 1
      ? readVector(tensor)
      : readRows(tensor, 0, rowsIn(tensor));
  return {
    has,
    read,
    readIf: async (tensor) => (has(tensor) ? await read(tensor) : undefined),
    readRows,
    rows: rowsIn,
    columns: (tensor) => formOf(placeOf(tensor).name).columns,
  };
}

/** Names of the graph are those of the checkpoint without `model.`; q, k and v are one product. */
function placeOf(tensor: string): Place {
  const name = tensor.replace(/^model\./, '');
  const [, before, letter, after] = /^(.*\.attn\.)([qkv])_proj(\..*)$/.exec(name) ?? [];
  if (letter === undefined) return { name, part: 0, parts: 1 };
  return { name: `${before}Wqkv${after}`, part: 'qkv'.indexOf(letter), parts: 3 };
}

function formsOf({ initializers, nodes }: Graph): ReadonlyMap<string, Form> {
  const multiplied = new Set(nodes.flatMap((node) => productWeight(node) ?? []));
  return new Map(
    initializers.map(({ name, type: { shape } }): [string, Form] => {
      if (shape.length < 2) return [name, { rows: 1, columns: shape[0] ?? 1, transposed: false }];
      const transposed = multiplied.has(name);
      const [first = 0, second = 0] = shape;
      const [rows, columns] = transposed ? [second, first] : [first, second];
      return [name, { rows, columns, transposed }];
    }),
  );
}

function productWeight({ domain, op, inputs }: Node): string | undefined {
  return domain === '' && op === 'MatMul' ? inputs[1] : undefined;
}

async function openRows(file: WeightFile, name: string, form: Form): Promise<WeightRows> {
  const data = await valuesOf(file, name);
  if (data) return rowsOf(data, form);
  return (await openBlocks(file, name)) ?? missing(name);
}

function missing(name: string): never {
  throw new ToolkitError('WEIGHT_MISSING', 'the model file lacks a weight of its float32 model', {
    where: { tensor: name },
    fix: 'convert the checkpoint again',
  });
}

/** The values of a weight that the file keeps as floats. */
async function valuesOf(
  { graph, weights }: WeightFile,
  name: string,
): Promise<ArrayLike<number> | undefined> {
  const same = graph.initializers.find(({ name: own }) => own === name);
  return same && (await weights.read(same)).data;
}

function rowsOf(data: ArrayLike<number>, { rows, columns, transposed }: Form): WeightRows {
  const [perRow, perColumn] = transposed ? [1, rows] : [columns, 1];
  return {
    read: (row, into) => {
      for (let column = 0; column < columns; column++) {
        into[column] = data[row * perRow + column * perColumn] ?? Number.NaN;
      }
    },
  };
}
