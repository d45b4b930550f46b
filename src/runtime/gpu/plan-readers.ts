// How each operator on floats becomes a step.

import { fusedDomain, contribDomain, type Node } from '../../ir/graph.ts';
import { activations } from '../../../ops/activations.ts';
import { type Draft, numberIn, unsupported } from './plan-draft.ts';
import { attention } from './plan-attention.ts';
import { input, rowsOf } from './plan-inputs.ts';
import {
  addBias,
  embed,
  embedBlocks,
  gemm,
  matMul,
  matMulNBits,
  plainProduct,
  vectorInitializer,
} from './plan-products.ts';
import type { NormWeights, Rows } from './steps.ts';

/** Adds to the draft what a node computes. */
export type Reader = (draft: Draft, node: Node) => void;

export const readers: ReadonlyMap<string, Reader> = new Map([
  ['Gather', embed],
  ['LayerNormalization', layerNorm],
  ['MatMul', matMul],
  ['Gemm', gemm],
  ['Add', addOrPending],
  ['GatherND', select],
  ['Reshape', reshape],
  ['Cast', cast],
  ['ConstantOfShape', emptyCache],
  ...pendingOperators(),
  [`${fusedDomain}.FusedAttention`, attention],
  [`${fusedDomain}.SkipLayerNorm`, skipLayerNorm],
  [`${fusedDomain}.GeGLU`, geglu],
  [`${fusedDomain}.GatherBlocks`, embedBlocks],
  [`${contribDomain}.MatMulNBits`, matMulNBits],
]);

export function lookUp(table: typeof readers, { domain, op }: Node): Reader | undefined {
  return table.get(domain === '' ? op : `${domain}.${op}`);
}

/** Operators that only an activation is made of. */
function pendingOperators(): readonly (readonly [string, Reader])[] {
  const names = ['Gelu', 'Erf', 'Sigmoid', 'Tanh', 'Relu', 'LeakyRelu', 'Elu', 'Clip', 'Softplus'];
  return [...names, 'Mul', 'Div', 'Sub', 'Constant', 'CastLike'].map((name) => [name, pend]);
}

function pend({ pending }: Draft, node: Node): void {
  pending.set(node.outputs[0] ?? '', node);
}

function addOrPending(draft: Draft, node: Node): void {
  if (!addBias(draft, node)) pend(draft, node);
}

function layerNorm(draft: Draft, node: Node): void {
  const last = numberIn(node, 'axis', -1) === -1;
  const computed = numberIn(node, 'stash_type', 1) === 1;
  if (!last || !computed) unsupported(node, 'LayerNormalization is over the last axis, in float32');
  const x = input(draft, node, 0);
  const output = node.outputs[0] ?? '';
  const rows = rowsOf(draft, node, x);
  const by = normWeights(draft, node, 1, rows.width);
  addNorm(draft, { x, by, output }, draft.keptAs(rows, output));
}

/** A norm whose rows are then picked is of the picked rows only: see `select`. */
function addNorm(
  draft: Draft,
  norm: { readonly x: string; readonly by: NormWeights; readonly output: string },
  rows: Rows,
): void {
  draft.add({ kind: 'norm', ...norm }, rows);
}

function normWeights(draft: Draft, node: Node, from: number, width: number): NormWeights {
  const scale = vectorInitializer(draft, node, from, width);
  const bias = node.inputs[from + 1] ?? '';
  return {
    scale,
    ...(bias !== '' && { bias: vectorInitializer(draft, node, from + 1, width) }),
    epsilon: numberIn(node, 'epsilon', 1e-5),
  };
}

function skipLayerNorm(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const skip = input(draft, node, 1);
  const rows = rowsOf(draft, node, x);
  const added = rowsOf(draft, node, skip);
  if (added.width !== rows.width || added.set !== rows.set) {
    unsupported(node, 'a sum is of two matrices of one shape', { input: node.inputs[1] ?? '' });
  }
  const by = normWeights(draft, node, 2, rows.width);
  const [output = '', sum = ''] = node.outputs;
  const product = plainProduct(draft, node.inputs[1] ?? '');
  const [normed, summed] = [draft.keptAs(rows, output), draft.keptAs(rows, sum)];
  if (!product || draft.placeOf(x) > draft.placeOf(skip)) {
    if (new Set([rows, added, normed, summed].map(({ dtype }) => dtype)).size > 1) {
      unsupported(node, 'a sum that no product makes is of matrices of one type');
    }
    draft.add({ kind: 'skip-norm', x, skip, by, output, sum }, rows);
    draft.rows.set(sum, rows);
    return;
  }
  draft.replace(skip, { ...product, residual: x, output: sum }, summed);
  addNorm(draft, { x: sum, by, output }, normed);
}

function geglu(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const activation = activationIn(node);
  const output = node.outputs[0] ?? '';
  const before = rowsOf(draft, node, x);
  const rows = draft.keptAs({ ...before, width: before.width / 2 }, output);
  if (rows.width % 4 !== 0) unsupported(node, 'half of a gated width is a multiple of 4');
  const product = plainProduct(draft, node.inputs[0] ?? '');
  if (!product) {
    if (rows.dtype !== before.dtype) unsupported(node, 'a gate alone keeps the type of its rows');
    draft.add({ kind: 'gate', x, activation, output }, rows);
    return;
  }
  const gated = { ...product, outputs: rows.width, activation, gated: true, output };
  draft.replace(x, gated, rows);
}

function activationIn(node: Node): string {
  const attribute = node.attributes['activation'];
  if (attribute?.kind === 'string' && activations.has(attribute.value)) return attribute.value;
  const name = attribute?.kind === 'string' ? attribute.value : '';
  return unsupported(node, 'the GPU runtime has no such activation', { activation: name });
}

/** Rows at indices: the positions that a caller wants, or a classifier's last token. */
function select(draft: Draft, node: Node): void {
  const [x = '', indices = ''] = node.inputs;
  const matrix = input(draft, node, 0);
  if (numberIn(node, 'batch_dims', 0) !== 1 || draft.ports.indices !== undefined) {
    unsupported(node, 'rows are picked once, by GatherND with batch_dims 1');
  }
  draft.ports.indices = indices;
  const output = node.outputs[0] ?? '';
  const rows: Rows = { ...rowsOf(draft, node, matrix), set: 'kept' };
  const norm = draft.steps.at(-1);
  // Rows are picked before the norm, so that it is computed for the picked ones only.
  if (norm?.kind === 'norm' && norm.output === matrix && draft.readOnce(x)) {
    draft.steps.pop();
    draft.rows.delete(matrix);
    const picked = `${output}.rows`;
    const before = { ...rowsOf(draft, node, norm.x), set: rows.set };
    draft.add({ kind: 'select', x: norm.x, output: picked }, before);
    draft.add({ ...norm, x: picked, output }, rows);
    return;
  }
  draft.add({ kind: 'select', x: matrix, output }, rows);
}

/** The matrix stays as it is; the graph's last shape is the result's. */
function reshape(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const [output = ''] = node.outputs;
  draft.alias(output, x);
  const feeds = new Set(draft.hostNodes.flatMap(({ outputs }) => outputs));
  const shape = node.inputs[1] ?? '';
  if (feeds.has(shape)) draft.ports.shape = shape;
}

/**
 * Kernels read rows of either type, so a Cast is another name; a product or norm that it alone reads
 * writes the type at once. A result of halves is converted by who reads it.
 */
function cast(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const rows = rowsOf(draft, node, x);
  const [float32, float16] = [1, 10];
  const to = numberIn(node, 'to');
  if (to !== float32 && to !== float16) unsupported(node, 'a Cast is to floats');
  draft.alias(node.outputs[0] ?? '', x);
  const step = draft.steps.at(-1);
  const narrows = to === float16 && step?.kind === 'norm';
  if ((step?.kind !== 'product' && !narrows) || step.output !== x) return;
  if (draft.readOnce(node.inputs[0] ?? '')) {
    draft.rows.set(x, { ...rows, dtype: to === float32 ? 'float32' : 'float16' });
  }
}

/** The cache of no tokens that tasks without one begin with. */
function emptyCache(): void {
  // a node of no rows, which FusedAttention only looks at by name
}
