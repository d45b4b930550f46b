// Which nodes compute in float32 where a graph is one of halves: those that make or read a value
// that half cannot hold.

import type { Graph, Node } from '../ir/graph.ts';

export interface FloatNodes {
  readonly nodes: ReadonlySet<Node>;
  /** Weights that they read, which stay as they are. */
  readonly weights: ReadonlySet<string>;
}

/** The nodes for some values; a weight is kept once, so nodes that share one go together. */
export function floatNodes(graph: Graph, values: ReadonlySet<string>): FloatNodes {
  const kept = new Set(
    graph.initializers.filter(({ type }) => type.dtype === 'float32').map(({ name }) => name),
  );
  const found = new Set<Node>();
  const weights = new Set<string>();
  const touches = ({ inputs, outputs }: Node): boolean =>
    [...inputs, ...outputs].some((name) => values.has(name)) ||
    inputs.some((name) => weights.has(name));
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const node of graph.nodes) {
      if (found.has(node) || !touches(node)) continue;
      found.add(node);
      for (const name of node.inputs) if (kept.has(name)) weights.add(name);
    }
  }
  return { nodes: found, weights };
}
