// A small model's graph, and ways to damage it.

import type { ModernBertDecoderConfig } from '../src/base/config.ts';
import type { Attributes, Graph, Initializer, Node } from '../src/ir/graph.ts';
import { must } from './must.ts';
import { taskModel } from './task-model.ts';
import { toyConfig } from './toy-model.ts';

export const small: ModernBertDecoderConfig = {
  ...toyConfig(),
  vocabSize: 24,
  hiddenSize: 16,
  intermediateSize: 12,
  numHeads: 2,
  headDim: 8,
  classifierActivation: 'linear',
  layers: [
    { type: 'full_attention', window: -1, ropeTheta: 10_000 },
    { type: 'sliding_attention', window: 4, ropeTheta: 10_000 },
  ],
};
export const smallGraph: Graph = taskModel(small).graph;

/** A graph with other nodes between the dense layer of the head and its norm. */
export function withActivation(graph: Graph, nodes: readonly Node[], result: string): Graph {
  const outputs = new Set(nodes.flatMap((each) => each.outputs));
  const own = (name: string): string => (outputs.has(name) ? `own.${name}` : name);
  const renamed = nodes.map((each) => ({
    ...each,
    inputs: each.inputs.map(own),
    outputs: each.outputs.map(own),
  }));
  return {
    ...graph,
    nodes: graph.nodes.flatMap((each) => {
      const reads = each.op === 'LayerNormalization' && each.inputs[0] === dense;
      const [, ...rest] = each.inputs;
      return reads ? [...renamed, { ...each, inputs: [own(result), ...rest] }] : [each];
    }),
  };
}

/** The matrix that the head's activation is applied to. */
export const dense = 'lm_head.dense.out';

export type Edit = (graph: Graph) => Graph;

/** Changes the first node of an operator. */
export function node(op: string, change: (node: Node) => Partial<Node>): Edit {
  return (graph) => {
    const index = graph.nodes.findIndex((each) => each.op === op);
    const found = must(graph.nodes[index], op);
    return { ...graph, nodes: graph.nodes.with(index, { ...found, ...change(found) }) };
  };
}

export function attributes(op: string, more: Attributes): Edit {
  return node(op, (found) => ({ attributes: { ...found.attributes, ...more } }));
}

export function without(op: string, attribute: string): Edit {
  return node(op, (found) => {
    const rest = Object.entries(found.attributes).filter(([name]) => name !== attribute);
    return { attributes: Object.fromEntries(rest) };
  });
}

export function input(op: string, index: number, name: string): Edit {
  return node(op, ({ inputs }) => ({ inputs: inputs.with(index, name) }));
}

export function shape(name: RegExp, change: (shape: readonly number[]) => readonly number[]): Edit {
  return (graph) => ({
    ...graph,
    initializers: graph.initializers.map((each): Initializer => {
      const type = { ...each.type, shape: change(each.type.shape) };
      return name.test(each.name) ? { ...each, type } : each;
    }),
  });
}

/** Puts a node in front of the graph's others, which makes float values of floats. */
export function before(op: string, added: Node): Edit {
  return (graph) => {
    const index = graph.nodes.findIndex((each) => each.op === op);
    return { ...graph, nodes: graph.nodes.toSpliced(index, 0, added) };
  };
}

export function made(op: string, inputs: readonly string[], output: string, domain = ''): Node {
  return { domain, op, inputs, outputs: [output], attributes: {} };
}

export function lastGather(graph: Graph, changed: Attributes): Graph {
  const index = graph.nodes.findLastIndex(({ op }) => op === 'GatherND');
  const found = must(graph.nodes[index], 'GatherND');
  return { ...graph, nodes: graph.nodes.with(index, { ...found, attributes: changed }) };
}
