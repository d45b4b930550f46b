// The part of a graph that computes with shapes, masks and ids: a few integers, on the host, by the
// reference's operators. What the GPU needs of it are the rolled ids, the slots, and which rows the
// caller wants in which order.

import { ToolkitError } from '../../base/errors.ts';
import type { Feeds } from '../../base/runner.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { compile, type Values } from '../reference/program.ts';
import { readFeeds } from '../reference/feeds.ts';
import type { Value } from '../reference/value.ts';

/** Names of the values that GPU steps read. */
export interface HostPorts {
  /** [batch, sequence], rolled. */
  readonly ids: string;
  /** Last slot of each row, [batch]. */
  readonly lasts: string;
  /** Columns of the mask, scalar. */
  readonly total: string;
  /** Rows of the result, [batch, kept, 1] or [batch, 1]; all in order where there is none. */
  readonly indices?: string;
  /** Shape of the result, where the graph says one. */
  readonly shape?: string;
}

/** What a call means in tokens and slots. */
export interface HostValues {
  readonly ids: Value;
  readonly lasts: Value;
  readonly total: number;
  readonly indices: Value | undefined;
  readonly shape: readonly number[] | undefined;
}

export interface HostPart {
  readonly ports: HostPorts;
  run(feeds: Feeds): Promise<HostValues>;
}

/** Compiles the integer nodes of a graph. */
export function hostPart(graph: Graph, nodes: readonly Node[], ports: HostPorts): HostPart {
  const inputs = graph.inputs.filter(({ type }) => type.dtype === 'int64');
  const names = [ports.ids, ports.lasts, ports.total, ports.indices, ports.shape].filter(
    (name) => name !== undefined,
  );
  const initializers = graph.initializers.filter(({ recipe }) => recipe.kind === 'values');
  const program = compile({
    ...graph,
    inputs,
    initializers,
    nodes,
    outputs: [...new Set(names)].map((name) => ({ name, type: { dtype: 'int64', shape: [] } })),
  });
  const weights: Values = new Map(
    initializers.map(({ name, type, recipe }) => [
      name,
      { ...type, data: Float64Array.from(recipe.kind === 'values' ? recipe.values : []) },
    ]),
  );
  const others = new Set(graph.inputs.map(({ name }) => name));
  for (const { name } of inputs) others.delete(name);
  return {
    ports,
    run: async (feeds) => {
      const given = Object.entries(feeds).filter(([name]) => !others.has(name));
      const values = await program(readFeeds(inputs, Object.fromEntries(given)), weights);
      const take = (name: string): Value => values.get(name) ?? missing(name);
      return {
        ids: take(ports.ids),
        lasts: take(ports.lasts),
        total: Number(take(ports.total).data[0]),
        indices: ports.indices === undefined ? undefined : take(ports.indices),
        shape: ports.shape === undefined ? undefined : [...take(ports.shape).data],
      };
    },
  };
}

function missing(value: string): never {
  throw new ToolkitError('INTERNAL', 'a value that steps read was not computed', {
    where: { value },
  });
}
