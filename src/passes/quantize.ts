// Products with weights and the token table → the same on codes of 4 or 8 bits.
//
//   onnxruntime   MatMul, Add, Gemm → MatMulNBits; Gather → GatherBlocks
//   portable      MatMul, Gemm and Gather of what DequantizeLinear makes
//
// Codes are rows [outputs, inputs] as the checkpoint has them, so a tied table is kept once. For
// onnxruntime scales are cast before all other nodes, for that depends on no input; floats are made
// where they are first read, for they take room. A weight that is kept in half where floats are
// computed is cast there too, which runtimes do while they load.

import type { Target } from '../base/manifest.ts';
import type { TensorType } from '../base/tensors.ts';
import { int } from '../ir/attributes.ts';
import { Builder } from '../ir/builder.ts';
import { typed } from '../ir/finish.ts';
import {
  contribDomain,
  fusedDomain,
  type Graph,
  type Initializer,
  type Node,
  type Pass,
} from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';
import type { WeightForm } from '../quantize/settings.ts';
import {
  addBlockWeight,
  type BlockWeight,
  dequantized,
  floatsOf,
  scalesOf,
} from './block-weight.ts';

export interface Quantization {
  readonly target: Target;
  /** How the weights are kept that some tensors of the checkpoint make up. */
  readonly formOf: (tensors: readonly string[]) => WeightForm;
  /** ONNX Runtime's accuracy_level: 4 rounds activations to 8 bits, 0 leaves them as they are. */
  readonly accuracyLevel: number;
}

/** The pass; fused operators' rules type its result. */
export function quantize(fused: ReadonlyMap<string, FusedRule>, options: Quantization): Pass {
  return (graph) => {
    const used = new Set(quantizable(graph).map(({ name }) => name));
    if (used.size === 0) return graph;
    const b = new Builder();
    const weights = new Map<string, Kept>();
    for (const initializer of graph.initializers) {
      const kept = used.has(initializer.name) ? keep(b, initializer, options) : undefined;
      if (kept === undefined) b.initializer(initializer);
      else weights.set(initializer.name, kept);
    }
    const rewrite = options.target === 'onnxruntime' ? contribNodes : standardNodes;
    rewrite(b, graph, weights, options);
    const known = new Map(graph.values.map(({ name, type }): [string, TensorType] => [name, type]));
    return typed({ ...graph, initializers: b.initializers, nodes: b.nodes }, fused, known);
  };
}

/** Where a node reads the weight that is quantized; undefined for other operators. */
function weightInput({ domain, op }: Node): number | undefined {
  if (domain !== '') return undefined;
  return op === 'Gather' ? 0 : op === 'MatMul' || op === 'Gemm' ? 1 : undefined;
}

/** The weights that may become codes: matrices that products and lookups read. */
function quantizable({ nodes, initializers }: Graph): readonly Initializer[] {
  const read = new Set(nodes.flatMap((node) => node.inputs[weightInput(node) ?? -1] ?? []));
  return initializers.filter(
    ({ name, type, recipe }) =>
      recipe.kind === 'weight' && type.shape.length === 2 && read.has(name),
  );
}

/** The tensors of each of them. */
export function quantizedTensors(graph: Graph): readonly (readonly string[])[] {
  return quantizable(graph).map(({ recipe }) => (recipe.kind === 'weight' ? recipe.tensors : []));
}

/** A weight of codes, or one of halves that are cast. */
type Kept = BlockWeight | 'halves';

/** Records what is kept of a weight; undefined where that is the weight as it is. */
function keep(
  b: Builder,
  initializer: Initializer,
  { formOf, target }: Quantization,
): Kept | undefined {
  const { type, recipe } = initializer;
  const form = formOf(recipe.kind === 'weight' ? recipe.tensors : []);
  if (typeof form === 'object') return addBlockWeight(b, initializer, { target, scheme: form });
  if (form !== 'float16' || type.dtype !== 'float32') return undefined;
  b.initializer({ ...initializer, type: { ...type, dtype: 'float16' } });
  return 'halves';
}

type Weights = ReadonlyMap<string, Kept>;

/** The codes that a node reads. */
function readBy(node: Node, weights: Weights): BlockWeight | undefined {
  const kept = weights.get(node.inputs[weightInput(node) ?? -1] ?? '');
  return kept === 'halves' ? undefined : kept;
}

/** A node that reads no codes. */
function plainNode(b: Builder, node: Node, weights: Weights): void {
  const inputs = node.inputs.map((name) =>
    weights.get(name) === 'halves' ? floatsOf(b, name) : name,
  );
  b.node(node.op, inputs, node.outputs, node);
}

function contribNodes(b: Builder, graph: Graph, weights: Weights, options: Quantization): void {
  const biases = biasesOf(graph, weights);
  for (const node of graph.nodes) {
    const weight = readBy(node, weights);
    if (weight) scalesOf(b, weight);
  }
  const added = new Set([...biases.values()].map(({ sum }) => sum));
  for (const node of graph.nodes) {
    const weight = readBy(node, weights);
    if (added.has(node)) continue; // a part of the product before it
    if (!weight) {
      plainNode(b, node, weights);
    } else if (node.op === 'Gather') {
      gathered(b, node, weight);
    } else {
      product(b, node, weight, { ...options, ...biases.get(node) });
    }
  }
}

/** The Add of a bias that alone reads a product. */
interface BiasSum {
  readonly bias: string;
  readonly sum: Node;
}

function biasesOf({ nodes, outputs, initializers }: Graph, weights: Weights): Map<Node, BiasSum> {
  const vectors = new Set(
    initializers.flatMap(({ name, type }) => (type.shape.length === 1 ? [name] : [])),
  );
  const results = new Set(outputs.map(({ name }) => name));
  const found = new Map<Node, BiasSum>();
  for (const node of nodes) {
    const [output = ''] = node.outputs;
    if (node.op !== 'MatMul' || !readBy(node, weights) || results.has(output)) continue;
    const [sum, ...others] = nodes.filter(({ inputs }) => inputs.includes(output));
    const [x, bias = ''] = sum?.inputs ?? [];
    if (sum?.op !== 'Add' || others.length > 0 || x !== output || !vectors.has(bias)) continue;
    found.set(node, { bias, sum });
  }
  return found;
}

function product(
  b: Builder,
  node: Node,
  weight: BlockWeight,
  { accuracyLevel, bias, sum }: Quantization & Partial<BiasSum>,
): void {
  const [x = '', , ownBias = ''] = node.inputs;
  const added = bias ?? ownBias;
  const { rows, columns, scheme, codes, zeros = '' } = weight;
  const inputs = [x, codes, scalesOf(b, weight), zeros, '', added];
  while (inputs.at(-1) === '') inputs.pop();
  b.node('MatMulNBits', inputs, sum?.outputs ?? node.outputs, {
    domain: contribDomain,
    attributes: {
      K: int(columns),
      N: int(rows),
      bits: int(scheme.bits),
      block_size: int(scheme.blockSize),
      accuracy_level: int(accuracyLevel),
    },
  });
}

/** Rows of the table by id. */
function gathered(b: Builder, node: Node, weight: BlockWeight): void {
  const { columns, scheme, codes, zeros } = weight;
  const beside = [scalesOf(b, weight), ...(zeros === undefined ? [] : [zeros])];
  b.node('GatherBlocks', [codes, node.inputs[1] ?? '', ...beside], node.outputs, {
    domain: fusedDomain,
    attributes: {
      bits: int(scheme.bits),
      block_size: int(scheme.blockSize),
      columns: int(columns),
    },
  });
}

function standardNodes(b: Builder, { nodes }: Graph, weights: Weights): void {
  const made = new Map<string, string>();
  const once = (name: string, make: () => string): string => {
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
  for (const node of nodes) {
    const weight = readBy(node, weights);
    if (!weight) {
      plainNode(b, node, weights);
      continue;
    }
    const rows = once(weight.name, () => dequantized(b, weight));
    const as = `${weight.name}.columns`;
    const read = node.op === 'MatMul' ? once(as, () => b.op('Transpose', [rows], { as })) : rows;
    const inputs = node.inputs.map((name) => (name === weight.name ? read : name));
    b.node(node.op, inputs, node.outputs, node);
  }
}
