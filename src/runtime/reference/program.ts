// A graph as steps to run: each node with what computes it, and the values that nobody reads after
// it, which are let go of there.

import { ToolkitError } from '../../base/errors.ts';
import { ShapeError } from '../../ir/dims.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import type { Compute } from './kernel.ts';
import { lastUses } from './last-uses.ts';
import { computeOf, labelOf } from './operators.ts';
import type { Value } from './value.ts';

export type Values = ReadonlyMap<string, Value>;

/** Computes the graph's outputs from its inputs and its weights. */
export type Program = (feeds: Values, weights: Values) => Promise<Values>;

interface Step {
  readonly node: Node;
  readonly compute: Compute;
  readonly done: readonly string[];
}

/** Fails where a node is of an unknown operator, or reads what nothing produces. */
export function compile(graph: Graph): Program {
  checkOrder(graph);
  const outputs = graph.outputs.map(({ name }) => name);
  const uses = lastUses(graph.nodes, outputs);
  const steps = graph.nodes.map((node, index): Step => ({
    node,
    compute: computeOf(node),
    done: uses[index] ?? [],
  }));
  return async (feeds, weights) => {
    const values = new Map(feeds);
    const valueOf = (name: string): Value | undefined => values.get(name) ?? weights.get(name);
    const pause = breather();
    for (const { node, compute, done } of steps) {
      const results = runNode(node, compute, node.inputs.map(valueOf));
      for (const [index, name] of node.outputs.entries()) {
        const result = results[index];
        if (name !== '' && result) values.set(name, result);
      }
      for (const name of done) values.delete(name);
      await pause();
    }
    return new Map(outputs.map((name) => [name, valueOf(name) ?? missing(name)]));
  };
}

function checkOrder({ inputs, initializers, nodes, outputs }: Graph): void {
  const made = new Set(['', ...[...inputs, ...initializers].map(({ name }) => name)]);
  for (const node of nodes) {
    for (const name of node.inputs) if (!made.has(name)) missing(name);
    for (const name of node.outputs) made.add(name);
  }
  for (const { name } of outputs) if (!made.has(name)) missing(name);
}

function missing(value: string): never {
  throw new ToolkitError('ONNX_INVALID', 'a value is made before it is read', { where: { value } });
}

function runNode(
  node: Node,
  compute: Compute,
  inputs: readonly (Value | undefined)[],
): readonly Value[] {
  try {
    return compute(inputs, node);
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new ToolkitError('RUNTIME_FAILED', cause.message, {
      where: { node: labelOf(node), operator: node.op },
      cause,
    });
  }
}

/** Lets others run now and then, so that a long run can be interrupted. */
function breather(): () => Promise<void> {
  const milliseconds = 50;
  let last = performance.now();
  return async () => {
    if (performance.now() - last < milliseconds) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    last = performance.now();
  };
}
