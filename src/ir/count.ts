// How many nodes a graph has, and of what kind.

import type { Graph } from './graph.ts';

export interface NodeCounts {
  readonly total: number;
  /** Of a decoder layer in the middle. */
  readonly perLayer: number;
  readonly byOp: Readonly<Record<string, number>>;
}

/** Nodes of a graph; those of one layer are named after it. */
export function countNodes(graph: Graph): NodeCounts {
  const byOp: Record<string, number> = {};
  for (const { op } of graph.nodes) byOp[op] = (byOp[op] ?? 0) + 1;
  const attentions = graph.nodes.flatMap(({ op }, index) =>
    op === 'FusedAttention' ? [index] : [],
  );
  const [first = 0, second = first] = attentions;
  return { total: graph.nodes.length, perLayer: second - first, byOp };
}
