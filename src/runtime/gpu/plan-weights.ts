// What a graph makes of its weights before anything runs: scales cast to what is computed with, codes
// turned into floats. The GPU reads the packed weights themselves, so these
// nodes are not run: a plan only follows them back to what they are made of.

import type { DType } from '../../base/dtypes.ts';
import type { TensorType } from '../../base/tensors.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { type Draft, numberIn, unsupported } from './plan-draft.ts';
import type { WeightLayout } from './steps.ts';

const makers = new Set(['Cast', 'Slice', 'DequantizeLinear', 'Transpose']);

const weightTypes = new Set(['float32', 'float16']);

/** Nodes that make a weight of another one, by the name of what they make. */
export function weightNodes({ initializers, nodes, values }: Graph): ReadonlyMap<string, Node> {
  const types = new Map(values.map(({ name, type }): [string, TensorType] => [name, type]));
  const weights = new Set(initializers.map(({ name }) => name));
  const found = new Map<string, Node>();
  for (const node of nodes) {
    const [output = ''] = node.outputs;
    const fits = node.domain === '' && makers.has(node.op) && node.inputs.length > 0;
    const known = node.inputs.every((name) => name === '' || weights.has(name));
    if (!fits || !known || !weightTypes.has(types.get(output)?.dtype ?? '')) continue;
    found.set(output, node);
    weights.add(output);
  }
  return found;
}

/** The initializer that a weight is, or is cast from. */
export function floatSource({ made }: Draft, name: string): string {
  const node = made.get(name);
  return node?.op === 'Cast' ? (node.inputs[0] ?? '') : name;
}

/** A weight that a standard operator reads as floats, and the GPU as codes. */
export interface PackedMatrix {
  readonly weight: string;
  readonly layout: Extract<WeightLayout, { readonly kind: 'blocks' }>;
  readonly rows: number;
  readonly columns: number;
  /** Whether it is read as [columns, rows]. */
  readonly turned: boolean;
  /** Of the floats. */
  readonly dtype: 'float32' | 'float16';
}

/** The packed weight behind an input; undefined where that is something else. */
export function packedMatrix(draft: Draft, node: Node, index: number): PackedMatrix | undefined {
  const name = inputOf(node, index);
  const turn = madeBy(draft, name, 'Transpose');
  const rowsName = turn ? inputOf(turn, 0) : name;
  const cut = madeBy(draft, rowsName, 'Slice');
  const floats = cut ? inputOf(cut, 0) : rowsName;
  const codes = madeBy(draft, floats, 'DequantizeLinear');
  if (!codes) return undefined;
  const layout = codeLayout(draft, codes);
  const begins = !cut || valuesOf(draft, inputOf(cut, 1)).join() === '0';
  if (!layout || !begins) {
    return unsupported(node, 'codes lie in blocks along the rows of a weight', { input: name });
  }
  const [rows = 0, columns = 0] = draft.types.get(rowsName)?.shape ?? [];
  return {
    weight: inputOf(codes, 0),
    layout,
    rows: Number(rows),
    columns: Number(columns),
    turned: turn !== undefined,
    dtype: draft.types.get(floats)?.dtype === 'float16' ? 'float16' : 'float32',
  };
}

function inputOf({ inputs }: Node, index: number): string {
  return inputs[index] ?? '';
}

function madeBy({ made }: Draft, name: string, op: string): Node | undefined {
  const node = made.get(name);
  return node?.op === op ? node : undefined;
}

/** How DequantizeLinear's codes are kept, where that is as MatMulNBits keeps them. */
function codeLayout(draft: Draft, node: Node): PackedMatrix['layout'] | undefined {
  const weight = inputOf(node, 0);
  const scales = floatSource(draft, inputOf(node, 1));
  const zeroPoints = inputOf(node, 2);
  const codes = draft.initializers.get(weight)?.type;
  if (codes?.dtype !== 'uint4' && codes?.dtype !== 'uint8') return undefined;
  const bits = codes.dtype === 'uint4' ? 4 : 8;
  const blockSize = numberIn(node, 'block_size', 0);
  const [rows = 0, width = 0] = codes.shape;
  const blocks = width / blockSize;
  const sound = [
    codes.shape.length === 2,
    numberIn(node, 'axis', 1) === 1,
    isBlockSize(blockSize),
    isMatrix(draft, scales, ['float32', 'float16'], [rows, blocks]),
    isMatrix(draft, zeroPoints, [codes.dtype], [rows, blocks]),
  ];
  return sound.includes(false)
    ? undefined
    : { kind: 'blocks', bits, blockSize, scales, zeroPoints };
}

/** Whether blocks are of a size that kernels read: a power of two from 16. */
export function isBlockSize(size: number): boolean {
  return size >= 16 && Number.isInteger(Math.log2(size));
}

function isMatrix(
  { initializers }: Draft,
  name: string,
  dtypes: readonly DType[],
  shape: readonly number[],
): boolean {
  const type = initializers.get(name)?.type;
  return type !== undefined && dtypes.includes(type.dtype) && type.shape.join() === shape.join();
}

/** Numbers that stand in the graph; none where an initializer is something else. */
function valuesOf({ initializers }: Draft, name: string): readonly number[] {
  const recipe = initializers.get(name)?.recipe;
  return recipe?.kind === 'values' ? recipe.values : [];
}
