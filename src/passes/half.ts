// float32 → float16: weights, activations and cache become halves; what a caller reads as a result
// stays float32.
//
//   initializers, the cache's inputs and outputs   float32 → float16
//   logits, last_hidden_state                      float32, by a Cast at the very end
//   values that half cannot hold                   float32, with Casts around the nodes that make
//                                                  or read them; their weights stay as they are
//   int64 and bool values                          as they are

import type { DType } from '../base/dtypes.ts';
import type { TensorType } from '../base/tensors.ts';
import { constant, elementType } from '../ir/attributes.ts';
import { typed } from '../ir/finish.ts';
import type { Attribute, Graph, Node, Pass, Value } from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';
import { type FloatNodes, floatNodes } from './float-nodes.ts';

/** Outputs that a caller reads as numbers; the others are the cache, which only goes back in. */
const results = new Set(['logits', 'last_hidden_state']);

/** The pass; fused operators' rules type its result, and the values of `floats` stay float32. */
export function half(
  fused: ReadonlyMap<string, FusedRule>,
  floats: ReadonlySet<string> = new Set(),
): Pass {
  return (graph) => {
    if (![...graph.initializers, ...graph.inputs].some(({ type }) => type.dtype === 'float32')) {
      return graph;
    }
    const exact = floatNodes(graph, floats);
    const { nodes, made } = mixedNodes(graph, floats, exact);
    const rewritten: Graph = {
      ...graph,
      inputs: graph.inputs.map(halved),
      outputs: graph.outputs.map((value) => (results.has(value.name) ? value : halved(value))),
      initializers: graph.initializers.map((initializer) =>
        exact.weights.has(initializer.name)
          ? initializer
          : {
              ...initializer,
              type: { ...initializer.type, dtype: halfOf(initializer.type).dtype },
            },
      ),
      nodes,
    };
    return typed(rewritten, fused, known(graph, floats, made));
  };
}

interface MixedNodes {
  readonly nodes: readonly Node[];
  /** float32 forms of values that are halves, by the halves' names. */
  readonly made: ReadonlyMap<string, string>;
}

function mixedNodes(graph: Graph, floats: ReadonlySet<string>, exact: FloatNodes): MixedNodes {
  const isHalf = halvesOf(graph, floats, exact);
  const read = new Set([
    ...graph.nodes.filter((node) => !exact.nodes.has(node)).flatMap(({ inputs }) => inputs),
    ...graph.outputs.map(({ name }) => name),
  ]);
  const nodes: Node[] = [];
  const made = new Map<string, string>();
  const renamed = new Map<string, string>();
  const floatOf = (name: string): string => {
    if (!isHalf(name)) return name;
    const form = made.get(name) ?? `${name}.float`;
    if (!made.has(name)) nodes.push(cast(name, form, 'float32'));
    made.set(name, form);
    return form;
  };
  const resultOf = (name: string): string => {
    if (!results.has(name) || !isHalf(name)) return name;
    renamed.set(name, `${name}.half`);
    return `${name}.half`;
  };
  for (const node of graph.nodes) {
    if (!exact.nodes.has(node)) {
      nodes.push(withHalves({ ...node, outputs: node.outputs.map(resultOf) }));
      continue;
    }
    const inputs = node.inputs.map(floatOf);
    const narrow = node.outputs.filter((name) => isHalf(name) && !results.has(name));
    for (const name of narrow) made.set(name, `${name}.float`);
    nodes.push({ ...node, inputs, outputs: node.outputs.map((name) => made.get(name) ?? name) });
    for (const name of narrow) {
      if (read.has(name)) nodes.push(cast(`${name}.float`, name, 'float16'));
    }
  }
  for (const [name, from] of renamed) nodes.push(cast(from, name, 'float32'));
  return { nodes, made };
}

/** Whether a value of the graph becomes one of halves. */
function halvesOf(
  graph: Graph,
  floats: ReadonlySet<string>,
  { weights }: FloatNodes,
): (name: string) => boolean {
  const all = [...graph.inputs, ...graph.initializers, ...graph.values, ...graph.outputs];
  const names = new Set(all.flatMap(({ name, type }) => (type.dtype === 'float32' ? [name] : [])));
  return (name) => names.has(name) && !floats.has(name) && !weights.has(name);
}

function halved({ name, type }: Value): Value {
  return { name, type: halfOf(type) };
}

function halfOf(type: TensorType): TensorType {
  return type.dtype === 'float32' ? { ...type, dtype: 'float16' } : type;
}

function withHalves(node: Node): Node {
  return {
    ...node,
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

function cast(from: string, to: string, dtype: DType): Node {
  return {
    domain: '',
    op: 'Cast',
    inputs: [from],
    outputs: [to],
    attributes: { to: elementType(dtype) },
  };
}

/** Names of dimensions do not follow from inference alone, so they are carried over. */
function known(
  { values }: Graph,
  floats: ReadonlySet<string>,
  made: ReadonlyMap<string, string>,
): ReadonlyMap<string, TensorType> {
  return new Map(
    values.flatMap(({ name, type }): readonly [string, TensorType][] => {
      const form = made.get(name);
      const own = floats.has(name) ? type : halfOf(type);
      return form === undefined
        ? [[name, own]]
        : [
            [name, own],
            [form, type],
          ];
    }),
  );
}
