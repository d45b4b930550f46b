// From a builder's records to a typed graph.

import type { TensorType } from '../base/tensors.ts';
import type { Builder } from './builder.ts';
import { fact, type Fact } from './facts.ts';
import type { Graph, Value } from './graph.ts';
import { type FusedRule, inferNodes, initializerFact } from './infer.ts';

/** The graph a builder recorded, with the types of all its values. */
export function finish(
  name: string,
  builder: Builder,
  inputs: readonly Value[],
  outputs: readonly Value[],
  fused: ReadonlyMap<string, FusedRule>,
): Graph {
  const used = new Set(builder.nodes.flatMap((node) => node.inputs));
  const graph = {
    name,
    inputs,
    outputs,
    initializers: builder.initializers.filter((initializer) => used.has(initializer.name)),
    nodes: builder.nodes,
    values: [],
  };
  return typed(graph, fused, builder.asserted);
}

/** The graph with the types of its values inferred from its inputs and initializers. */
export function typed(
  graph: Graph,
  fused: ReadonlyMap<string, FusedRule>,
  asserted: ReadonlyMap<string, TensorType> = new Map(),
): Graph {
  const declared = new Map([
    ...asserted,
    ...graph.outputs.map(({ name, type }) => [name, type] as const),
  ]);
  const facts = inferNodes(graph.nodes, givenFacts(graph), {
    fused,
    asserted: declared,
    where: graph.name,
  });
  return { ...graph, values: between(graph, facts) };
}

/** The values that nodes produce and that are not outputs, in order. */
function between(graph: Graph, facts: ReadonlyMap<string, Fact>): readonly Value[] {
  const outputs = new Set(graph.outputs.map((output) => output.name));
  return graph.nodes
    .flatMap((node) => node.outputs)
    .flatMap((name) => {
      const type = facts.get(name)?.type;
      return type && !outputs.has(name) ? [{ name, type }] : [];
    });
}

/** What is known of a graph's inputs and initializers. */
export function givenFacts(graph: Graph): ReadonlyMap<string, Fact> {
  return new Map([
    ...graph.inputs.map(({ name, type }) => [name, fact(type.dtype, type.shape)] as const),
    ...graph.initializers.map((init) => [init.name, initializerFact(init)] as const),
  ]);
}
