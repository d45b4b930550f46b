// Products with weights, and the rows of a table: which weight, in which layout.

import type { DType } from '../../base/dtypes.ts';
import { sizeOf } from '../../base/tensors.ts';
import type { Node } from '../../ir/graph.ts';
import { type Draft, numberIn, unsupported } from './plan-draft.ts';
import { floatSource, isBlockSize, packedMatrix } from './plan-weights.ts';
import type { Product, Rows, WeightLayout } from './steps.ts';

/** The initializer that an input is, or is cast from; floats. */
export function floatInitializer(draft: Draft, node: Node, index: number): string {
  const name = floatSource(draft, node.inputs[index] ?? '');
  const dtype = draft.initializers.get(name)?.type.dtype;
  if (dtype === 'float32' || dtype === 'float16') return name;
  return unsupported(node, 'a weight is a float initializer', { input: name });
}

/** The initializer that is added to, or multiplied with, every row; one element a column. */
export function vectorInitializer(draft: Draft, node: Node, index: number, width: number): string {
  const name = floatInitializer(draft, node, index);
  const shape = draft.initializers.get(name)?.type.shape;
  if (shape?.length === 1 && shape[0] === width) return name;
  return unsupported(node, `a scale or bias has ${width} elements`, { input: name });
}

function shapeOf(draft: Draft, node: Node, name: string, rank: number): readonly number[] {
  const shape = draft.initializers.get(name)?.type.shape;
  if (shape?.length === rank && !shape.includes(0)) return shape;
  return unsupported(node, `a weight has ${rank} dimensions`, { input: name });
}

/** Of a weight as it is read, cast or not. */
function floatDType({ types, initializers }: Draft, name: string): Rows['dtype'] {
  const type = types.get(name) ?? initializers.get(name)?.type;
  return type?.dtype === 'float16' ? 'float16' : 'float32';
}

/** Token embeddings: rows of a table by id. */
export function embed(draft: Draft, node: Node): void {
  const packed = packedMatrix(draft, node, 0);
  if (packed) {
    const { weight, layout, rows, columns, turned, dtype } = packed;
    if (turned) unsupported(node, 'ids pick rows of codes');
    fillsWords(node, layout, columns);
    addEmbedding(draft, node, weight, layout, { vocabulary: rows, width: columns, dtype });
    return;
  }
  const table = floatInitializer(draft, node, 0);
  const [vocabulary = 0, width = 0] = shapeOf(draft, node, table, 2);
  const dtype = floatDType(draft, node.inputs[0] ?? '');
  addEmbedding(draft, node, table, { kind: 'out-in' }, { vocabulary, width, dtype });
}

/** The same of codes as MatMulNBits has them. */
export function embedBlocks(draft: Draft, node: Node): void {
  const table = node.inputs[0] ?? '';
  const [vocabulary = 0, blocks = 0] = shapeOf(draft, node, table, 3);
  const layout = blockLayout(draft, node, { rows: vocabulary, blocks });
  const width = numberIn(node, 'columns');
  if (blocks !== Math.ceil(width / layout.blockSize)) {
    unsupported(node, 'a packed table has rows of so many codes', { columns: width });
  }
  fillsWords(node, layout, width);
  const dtype = floatDType(draft, node.outputs[0] ?? '');
  addEmbedding(draft, node, table, layout, { vocabulary, width, dtype });
}

/** The GPU turns whole words of codes into numbers. */
function fillsWords(node: Node, layout: WeightLayout, columns: number): void {
  const bits = layout.kind === 'blocks' ? layout.bits : 32;
  if ((columns * bits) % 32 !== 0)
    unsupported(node, 'a row of codes fills whole words', { columns });
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
  const ids = node.inputs[1] ?? '';
  if (numberIn(node, 'axis', 0) !== 0 || draft.ports.ids !== undefined) {
    unsupported(node, 'ids pick rows of one table');
  }
  draft.ports.ids = ids;
  draft.vocabulary = vocabulary;
  const output = node.outputs[0] ?? '';
  draft.add({ kind: 'embed', table, layout, output }, { width, set: 'tokens', dtype });
}

export function matMul(draft: Draft, node: Node): void {
  const packed = packedMatrix(draft, node, 1);
  if (packed) {
    const { weight, layout, rows: outputs, columns: inputs, turned } = packed;
    if (!turned) unsupported(node, 'a product reads rows of codes as columns');
    return addProduct(draft, node, { weight, layout, inputs, outputs });
  }
  const weight = floatInitializer(draft, node, 1);
  const [inputs = 0, outputs = 0] = shapeOf(draft, node, weight, 2);
  addProduct(draft, node, { weight, layout: { kind: 'in-out' }, inputs, outputs });
}

/** x · weightᵀ + bias */
export function gemm(draft: Draft, node: Node): void {
  const plain =
    numberIn(node, 'alpha', 1) === 1 &&
    numberIn(node, 'beta', 1) === 1 &&
    numberIn(node, 'transA', 0) === 0 &&
    numberIn(node, 'transB', 0) === 1;
  if (!plain) unsupported(node, 'Gemm is with transB = 1 and no factors');
  const packed = packedMatrix(draft, node, 1);
  if (packed) {
    const { weight, layout, rows: outputs, columns: inputs, turned } = packed;
    if (turned) unsupported(node, 'Gemm reads rows of codes');
    return addProduct(draft, node, { weight, layout, inputs, outputs }, 2);
  }
  const weight = floatInitializer(draft, node, 1);
  const [outputs = 0, inputs = 0] = shapeOf(draft, node, weight, 2);
  addProduct(draft, node, { weight, layout: { kind: 'out-in' }, inputs, outputs }, 2);
}

/** x · dequantized(weight)ᵀ + bias */
export function matMulNBits(draft: Draft, node: Node): void {
  const weight = node.inputs[1] ?? '';
  const inputs = numberIn(node, 'K');
  const outputs = numberIn(node, 'N');
  const [rows = 0, blocks = 0] = shapeOf(draft, node, weight, 3);
  const layout = blockLayout(draft, node, { rows, blocks });
  const fits = rows === outputs && blocks === Math.ceil(inputs / layout.blockSize);
  if (!fits) unsupported(node, 'a packed weight has N rows of K codes', { input: weight });
  if ((node.inputs[4] ?? '') !== '') unsupported(node, 'blocks are in the order of their columns');
  addProduct(draft, node, { weight, layout, inputs, outputs }, 5);
}

/** How a packed weight is kept: input 1 or 0, with scales and zero points as inputs 2 and 3. */
function blockLayout(
  draft: Draft,
  node: Node,
  { rows, blocks }: { readonly rows: number; readonly blocks: number },
): Extract<WeightLayout, { readonly kind: 'blocks' }> {
  const bits = numberIn(node, 'bits', 4);
  const blockSize = numberIn(node, 'block_size');
  if (bits !== 4 && bits !== 8) unsupported(node, 'weights have 4 or 8 bits', { bits });
  if (!isBlockSize(blockSize)) {
    unsupported(node, 'blocks have 16 codes or more, a power of two', { blockSize });
  }
  const weight = node.inputs[node.op === 'MatMulNBits' ? 1 : 0] ?? '';
  const scales = floatSource(draft, node.inputs[2] ?? '');
  const zeroPoints = node.inputs[3] ?? '';
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const sound = [
    holds(draft, weight, ['uint8'], (rows * blocks * blockSize * bits) / 8),
    holds(draft, scales, ['float32', 'float16'], rows * blocks),
    zeroPoints === '' || holds(draft, zeroPoints, ['uint8'], rows * zeroBytes),
  ];
  if (sound.includes(false)) {
    unsupported(node, 'codes, scales and zero points fit each other', { input: weight });
  }
  return { kind: 'blocks', bits, blockSize, scales, ...(zeroPoints !== '' && { zeroPoints }) };
}

/** Whether an initializer is of one of the dtypes, and so large. */
function holds(
  { initializers }: Draft,
  name: string,
  dtypes: readonly DType[],
  size: number,
): boolean {
  const type = initializers.get(name)?.type;
  return type !== undefined && dtypes.includes(type.dtype) && sizeOf(type.shape) === size;
}

function addProduct(
  draft: Draft,
  node: Node,
  product: Pick<Product, 'weight' | 'layout' | 'inputs' | 'outputs'>,
  biasAt?: number,
): void {
  const hasBias = biasAt !== undefined && (node.inputs[biasAt] ?? '') !== '';
  const bias = hasBias ? vectorInitializer(draft, node, biasAt, product.outputs) : undefined;
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
    draft.keptAs({ ...rows, width: product.outputs }, output),
  );
}

/** The product that an input alone reads, as long as nothing follows it yet but a bias. */
export function plainProduct(draft: Draft, input: string): Product | undefined {
  const step = draft.steps[draft.placeOf(draft.matrix(input) ?? '')];
  const plain = step?.kind === 'product' && !step.activation && !step.residual;
  return plain && draft.readOnce(input) ? step : undefined;
}

/** Adds a bias to the product that it follows; false where the node is another kind of Add. */
export function addBias(draft: Draft, node: Node): boolean {
  const [x = '', bias = ''] = node.inputs;
  const product = plainProduct(draft, x);
  const rows = draft.rowsOf(x);
  if (!product || !rows || product.bias !== undefined || !draft.initializers.has(bias))
    return false;
  vectorInitializer(draft, node, 1, rows.width);
  const output = node.outputs[0] ?? '';
  draft.replace(product.output, { ...product, bias, output }, draft.keptAs(rows, output));
  return true;
}
