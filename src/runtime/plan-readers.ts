// How each operator on floats becomes a step.

import { fusedDomain, contribDomain, type Node } from '../ir/graph.ts';
import { numberOf, textOf } from '../op.ts';
import { type Draft, unsupported } from './plan-draft.ts';
import { activate } from './plan-activation.ts';
import {
  addBias,
  embed,
  embedBlocks,
  floatInitializer,
  gemm,
  matMul,
  matMulNBits,
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
  [`${contribDomain}.MatMulNBits`, matMulNBits],
  [`${contribDomain}.GatherBlockQuantized`, embedBlocks],
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

/** The matrix that an input is, after activations that lead to it. */
function input(draft: Draft, node: Node, index: number): string {
  const name = node.inputs[index] ?? '';
  if (draft.pending.has(name)) activate(draft, node, name);
  return (
    draft.matrix(name) ?? unsupported(node, 'an input is no matrix of a step', { input: name })
  );
}

function rowsOf(draft: Draft, node: Node, name: string): Rows {
  return draft.rows.get(name) ?? unsupported(node, 'an input is no matrix of a step');
}

function layerNorm(draft: Draft, node: Node): void {
  const { axis, stash_type: stash } = node.attributes;
  const last = axis === undefined || numberOf(axis) === -1;
  const computed = stash === undefined || numberOf(stash) === 1;
  if (!last || !computed) unsupported(node, 'LayerNormalization is over the last axis, in float32');
  const x = input(draft, node, 0);
  const output = node.outputs[0] ?? '';
  const by = normWeights(draft, node, 1);
  addNorm(draft, { x, by, output }, rowsOf(draft, node, x));
}

/** A norm whose rows are then picked is of the picked rows only: see `select`. */
function addNorm(
  draft: Draft,
  norm: { readonly x: string; readonly by: NormWeights; readonly output: string },
  rows: Rows,
): void {
  draft.add({ kind: 'norm', ...norm }, rows);
}

function normWeights(draft: Draft, node: Node, from: number): NormWeights {
  const scale = floatInitializer(draft, node, from);
  const bias = node.inputs[from + 1] ?? '';
  return {
    scale,
    ...(bias !== '' && { bias: floatInitializer(draft, node, from + 1) }),
    epsilon: node.attributes['epsilon'] === undefined ? 1e-5 : numberOf(node.attributes['epsilon']),
  };
}

function skipLayerNorm(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const skip = input(draft, node, 1);
  const by = normWeights(draft, node, 2);
  const [output = '', sum = ''] = node.outputs;
  const rows = rowsOf(draft, node, x);
  const places = draft.steps.map((step) => step.output);
  const product = draft.steps[places.indexOf(skip)];
  const fuses =
    product?.kind === 'product' &&
    product.activation === undefined &&
    product.residual === undefined &&
    draft.readOnce(node.inputs[1] ?? '') &&
    places.indexOf(x) < places.indexOf(skip);
  if (!fuses) {
    draft.add({ kind: 'skip-norm', x, skip, by, output, sum }, rows);
    draft.rows.set(sum, rows);
    return;
  }
  draft.replace(skip, { ...product, residual: x, output: sum }, rows);
  addNorm(draft, { x: sum, by, output }, rows);
}

function geglu(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const activation = textOf(node.attributes['activation']);
  const output = node.outputs[0] ?? '';
  const before = rowsOf(draft, node, x);
  const rows = { ...before, width: before.width / 2 };
  const product = draft.steps.find((step) => step.output === x);
  const fuses =
    product?.kind === 'product' &&
    product.activation === undefined &&
    product.residual === undefined &&
    rows.width % 4 === 0 &&
    draft.readOnce(node.inputs[0] ?? '');
  if (fuses) {
    const gated = { ...product, outputs: rows.width, activation, gated: true, output };
    draft.replace(x, gated, rows);
  } else {
    if (rows.width % 4 !== 0) unsupported(node, 'half of a gated width is a multiple of 4');
    draft.add({ kind: 'gate', x, activation, output }, rows);
  }
}

function attention(draft: Draft, node: Node): void {
  const qkv = input(draft, node, 0);
  const [, pastKey = '', pastValue = '', lasts = '', total = ''] = node.inputs;
  const [output = '', presentKey = '', presentValue = ''] = node.outputs;
  const heads = numberOf(node.attributes['num_heads']);
  const before = rowsOf(draft, node, qkv);
  const width = before.width / 3;
  const headDim = width / heads;
  if (!Number.isInteger(headDim) || headDim % 8 !== 0 || headDim > 128) {
    unsupported(node, 'the size of a head is a multiple of 8 up to 128', { headDim });
  }
  const window = numberOf(node.attributes['window']);
  same(draft, node, 'lasts', lasts);
  same(draft, node, 'total', total);
  const [cos, sin] = [floatInitializer(draft, node, 5), floatInitializer(draft, node, 6)];
  const positions = draft.initializers.get(cos)?.type.shape[0] ?? 0;
  draft.positions = Math.min(draft.positions, positions);
  const inputs = new Set(draft.graph.inputs.map(({ name }) => name));
  const names = { past: [pastKey, pastValue], present: [presentKey, presentValue] } as const;
  const layer = draft.layers.length;
  draft.layers.push({ width, window, heads, headDim, ...(inputs.has(pastKey) && { names }) });
  draft.add(
    {
      kind: 'attention',
      layer,
      qkv,
      heads,
      headDim,
      scale: numberOf(node.attributes['scale']),
      window,
      cos,
      sin,
      output,
    },
    { ...before, width },
  );
}

/** One value serves every node of the graph. */
function same(draft: Draft, node: Node, port: 'lasts' | 'total' | 'ids', name: string): void {
  const known = draft.ports[port] ?? name;
  if (known !== name) unsupported(node, 'all layers attend to the same slots', { input: name });
  draft.ports[port] = known;
}

/** Rows at indices: the positions that a caller wants, or a classifier's last token. */
function select(draft: Draft, node: Node): void {
  const [x = '', indices = ''] = node.inputs;
  const matrix = input(draft, node, 0);
  const batched = node.attributes['batch_dims'];
  if (batched === undefined || numberOf(batched) !== 1 || draft.ports.indices !== undefined) {
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
    draft.add({ kind: 'select', x: norm.x, output: picked }, rows);
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

/** Results are float32: a product writes them so at once, others are converted by the reader. */
function cast(draft: Draft, node: Node): void {
  const x = input(draft, node, 0);
  const rows = rowsOf(draft, node, x);
  const float32 = 1;
  if (numberOf(node.attributes['to']) !== float32) unsupported(node, 'a Cast is to float32');
  draft.alias(node.outputs[0] ?? '', x);
  const product = draft.steps.at(-1)?.kind === 'product' && draft.steps.at(-1)?.output === x;
  if (product && draft.readOnce(node.inputs[0] ?? '')) {
    draft.rows.set(x, { ...rows, dtype: 'float32' });
  }
}

/** The cache of no tokens that tasks without one begin with. */
function emptyCache(): void {
  // a node of no rows, which FusedAttention only looks at by name
}
