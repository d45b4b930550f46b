// Products with weights, and the rows of a table: which weight, in which layout.

import type { DType } from '../base/dtypes.ts';
import type { Node } from '../ir/graph.ts';
import { numberOf } from '../op.ts';
import { type Draft, unsupported } from './plan-draft.ts';
import type { Product, Rows, WeightLayout } from './steps.ts';

/** The initializer that an input is; floats. */
export function floatInitializer(draft: Draft, node: Node, index: number): string {
  const name = node.inputs[index] ?? '';
  const dtype = draft.initializers.get(name)?.type.dtype;
  if (dtype === 'float32' || dtype === 'float16') return name;
  return unsupported(node, 'a weight is a float initializer', { input: name });
}

function shapeOf(draft: Draft, node: Node, name: string, rank: number): readonly number[] {
  const shape = draft.initializers.get(name)?.type.shape;
  if (shape?.length === rank) return shape;
  return unsupported(node, `a weight has ${rank} dimensions`, { input: name });
}

function floatDType(draft: Draft, name: string): Rows['dtype'] {
  const dtype: DType | undefined = draft.initializers.get(name)?.type.dtype;
  return dtype === 'float16' ? 'float16' : 'float32';
}

/** Token embeddings: rows of a table by id. */
export function embed(draft: Draft, node: Node): void {
  const table = floatInitializer(draft, node, 0);
  const [vocabulary = 0, width = 0] = shapeOf(draft, node, table, 2);
  const dtype = floatDType(draft, table);
  addEmbedding(draft, node, table, { kind: 'out-in' }, { vocabulary, width, dtype });
}

/** The same from blocks: the result is [batch, sequence, blocks, blockSize], reshaped afterwards. */
export function embedBlocks(draft: Draft, node: Node): void {
  const table = node.inputs[0] ?? '';
  const [vocabulary = 0, blocks = 0] = shapeOf(draft, node, table, 3);
  const layout = blockLayout(draft, node, [2, 3]);
  const dtype = floatDType(draft, layout.scales);
  const width = blocks * layout.blockSize;
  addEmbedding(draft, node, table, layout, { vocabulary, width, dtype });
}

function addEmbedding(
  draft: Draft,
  node: Node,
  table: string,
  layout: WeightLayout,
  {
    vocabulary,
    width,
    dtype,
  }: {
    readonly vocabulary: number;
    readonly width: number;
    readonly dtype: Rows['dtype'];
  },
): void {
  const axis = node.attributes['axis'] ?? node.attributes['gather_axis'];
  const ids = node.inputs[1] ?? '';
  if ((axis !== undefined && numberOf(axis) !== 0) || draft.ports.ids !== undefined) {
    unsupported(node, 'ids pick rows of one table');
  }
  draft.ports.ids = ids;
  draft.vocabulary = vocabulary;
  const output = node.outputs[0] ?? '';
  draft.add({ kind: 'embed', table, layout, output }, { width, set: 'tokens', dtype });
}

export function matMul(draft: Draft, node: Node): void {
  const weight = floatInitializer(draft, node, 1);
  const [inputs = 0, outputs = 0] = shapeOf(draft, node, weight, 2);
  addProduct(draft, node, { weight, layout: { kind: 'in-out' }, inputs, outputs });
}

/** x · weightᵀ + bias */
export function gemm(draft: Draft, node: Node): void {
  const { alpha, beta, transA, transB } = node.attributes;
  const plain =
    (alpha === undefined || numberOf(alpha) === 1) &&
    (beta === undefined || numberOf(beta) === 1) &&
    (transA === undefined || numberOf(transA) === 0) &&
    transB !== undefined &&
    numberOf(transB) === 1;
  if (!plain) unsupported(node, 'Gemm is with transB = 1 and no factors');
  const weight = floatInitializer(draft, node, 1);
  const [outputs = 0, inputs = 0] = shapeOf(draft, node, weight, 2);
  const bias = (node.inputs[2] ?? '') === '' ? undefined : floatInitializer(draft, node, 2);
  addProduct(draft, node, { weight, layout: { kind: 'out-in' }, inputs, outputs }, bias);
}

/** x · dequantized(weight)ᵀ + bias */
export function matMulNBits(draft: Draft, node: Node): void {
  const weight = node.inputs[1] ?? '';
  const layout = blockLayout(draft, node, [2, 3]);
  const inputs = numberOf(node.attributes['K']);
  const outputs = numberOf(node.attributes['N']);
  if ((node.inputs[4] ?? '') !== '') unsupported(node, 'blocks are in the order of their columns');
  const bias = (node.inputs[5] ?? '') === '' ? undefined : floatInitializer(draft, node, 5);
  addProduct(draft, node, { weight, layout, inputs, outputs }, bias);
}

/** How a packed weight is kept, with the inputs that are its scales and zero points. */
function blockLayout(
  draft: Draft,
  node: Node,
  [scalesAt, zeroPointsAt]: readonly [number, number],
): Extract<WeightLayout, { readonly kind: 'blocks' }> {
  const bits = node.attributes['bits'] === undefined ? 4 : numberOf(node.attributes['bits']);
  if (bits !== 4 && bits !== 8) unsupported(node, 'weights have 4 or 8 bits', { bits });
  const zeroPoints = node.inputs[zeroPointsAt] ?? '';
  const packed = draft.initializers.get(zeroPoints)?.type.dtype;
  if (zeroPoints !== '' && packed !== 'uint8') unsupported(node, 'zero points are packed bytes');
  return {
    kind: 'blocks',
    bits,
    blockSize: numberOf(node.attributes['block_size']),
    scales: floatInitializer(draft, node, scalesAt),
    ...(zeroPoints !== '' && { zeroPoints }),
  };
}

function addProduct(
  draft: Draft,
  node: Node,
  product: Pick<Product, 'weight' | 'layout' | 'inputs' | 'outputs'>,
  bias?: string,
): void {
  const x = draft.matrix(node.inputs[0] ?? '');
  const rows = x === undefined ? undefined : draft.rows.get(x);
  if (x === undefined || rows === undefined || rows.width !== product.inputs) {
    unsupported(node, 'a product is of a matrix with a weight that fits', {
      input: node.inputs[0] ?? '',
    });
  }
  const output = node.outputs[0] ?? '';
  draft.add(
    { kind: 'product', x, ...product, ...(bias !== undefined && { bias }), gated: false, output },
    { ...rows, width: product.outputs },
  );
}

/** Adds a bias to the product that it follows; false where the node is another kind of Add. */
export function addBias(draft: Draft, node: Node): boolean {
  const [x = '', bias = ''] = node.inputs;
  const matrix = draft.matrix(x);
  const step = draft.steps.find(({ output }) => output === matrix);
  const rows = draft.rowsOf(x);
  const added = draft.initializers.get(bias)?.type;
  const fuses =
    step?.kind === 'product' &&
    step.bias === undefined &&
    step.activation === undefined &&
    step.residual === undefined &&
    rows !== undefined &&
    added?.shape.length === 1 &&
    added.shape[0] === rows.width &&
    draft.readOnce(x);
  if (!fuses) return false;
  const output = node.outputs[0] ?? '';
  draft.replace(step.output, { ...step, bias, output }, rows);
  return true;
}
