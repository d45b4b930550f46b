// float32 → float16: weights, activations and cache become halves; what a caller reads as a result
// stays float32.
//
//   initializers, the cache's inputs and outputs   float32 → float16
//   logits, last_hidden_state                      float32, by a Cast at the very end
//   int64 and bool values                          as they are

import type { TensorType } from '../base/tensors.ts';
import { constant, elementType } from '../ir/attributes.ts';
import { typed } from '../ir/finish.ts';
import type { Attribute, Graph, Node, Pass, Value } from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';

/** Outputs that a caller reads as numbers; the others are the cache, which only goes back in. */
const results = new Set(['logits', 'last_hidden_state']);

/** The pass; fused operators' rules type its result. */
export function half(fused: ReadonlyMap<string, FusedRule>): Pass {
  return (graph) => {
    if (![...graph.initializers, ...graph.inputs].some(({ type }) => type.dtype === 'float32')) {
      return graph;
    }
    const renamed = new Map(
      graph.outputs
        .filter(({ name, type }) => results.has(name) && type.dtype === 'float32')
        .map(({ name }) => [name, `${name}.half`]),
    );
    const rewritten: Graph = {
      ...graph,
      inputs: graph.inputs.map(halved),
      outputs: graph.outputs.map((value) => (renamed.has(value.name) ? value : halved(value))),
      initializers: graph.initializers.map((initializer) => ({
        ...initializer,
        type: { ...initializer.type, dtype: halfOf(initializer.type).dtype },
      })),
      nodes: [
        ...graph.nodes.map((node) => withHalves(node, renamed)),
        ...[...renamed].map(([name, from]) => castToFloat(from, name)),
      ],
    };
    return typed(rewritten, fused, known(graph));
  };
}

function halved({ name, type }: Value): Value {
  return { name, type: halfOf(type) };
}

function halfOf(type: TensorType): TensorType {
  return type.dtype === 'float32' ? { ...type, dtype: 'float16' } : type;
}

function withHalves(node: Node, renamed: ReadonlyMap<string, string>): Node {
  return {
    ...node,
    outputs: node.outputs.map((name) => renamed.get(name) ?? name),
    attributes: Object.fromEntries(
      Object.entries(node.attributes).map(([name, attribute]) => [name, halfAttribute(attribute)]),
    ),
  };
}

function halfAttribute(attribute: Attribute): Attribute {
  if (attribute.kind !== 'tensor' || attribute.value.dtype !== 'float32') return attribute;
  const { shape, values } = attribute.value;
  return { kind: 'tensor', value: constant('float16', values, shape) };
}

function castToFloat(from: string, to: string): Node {
  return {
    domain: '',
    op: 'Cast',
    inputs: [from],
    outputs: [to],
    attributes: { to: elementType('float32') },
  };
}

/** Names of dimensions do not follow from inference alone, so they are carried over. */
function known(graph: Graph): ReadonlyMap<string, TensorType> {
  return new Map(graph.values.map(({ name, type }) => [name, halfOf(type)]));
}
