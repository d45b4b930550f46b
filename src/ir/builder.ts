// Records nodes in the order they are asked for.
//
// The same builder writes graphs and function bodies. Values are named by the caller where the name
// will be read (in a printed graph, in a profile), else after the operator.

import type { TensorType } from '../base/tensors.ts';
import { branch, constant, tensor } from './attributes.ts';
import type { Attributes, Constant, Initializer, Node, Subgraph } from './graph.ts';

export interface NodeOptions {
  readonly domain?: string;
  readonly attributes?: Attributes;
  /** Name of the output. */
  readonly as?: string;
  /** What is known of the output's type beyond what inference finds. */
  readonly type?: TensorType;
}

export class Builder {
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  /** Types that the author vouches for, by value. */
  readonly asserted: Map<string, TensorType> = new Map();
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();

  /** A node with one output; returns the output's name. */
  op(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const output = options.as ?? this.unique(op);
    this.node(op, inputs, [output], options);
    if (options.type) this.asserted.set(output, options.type);
    return output;
  }

  /** A node with the outputs named by the caller; '' leaves one out. */
  node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    { domain = '', attributes = {} }: NodeOptions = {},
  ): void {
    for (const output of outputs) this.#names.add(output);
    this.nodes.push({ domain, op, inputs, outputs, attributes });
  }

  /** In a graph: an initializer; a second one of the same name is the first. */
  initializer(initializer: Initializer): string {
    if (!this.#names.has(initializer.name)) {
      this.#names.add(initializer.name);
      this.initializers.push(initializer);
    }
    return initializer.name;
  }

  /** In a graph: small integers as an initializer named after its values, shared by equals. */
  int64(values: number | readonly number[], as?: string): string {
    const { dtype, shape, values: list } = constant('int64', values);
    const name = typeof values === 'number' ? `int_${values}` : `ints_${values.join('_')}`;
    return this.initializer({
      name: as ?? name.replaceAll('-', 'minus'),
      type: { dtype, shape },
      recipe: { kind: 'values', values: list },
    });
  }

  /** In a body: a Constant node, shared by equals. */
  constant(value: Constant, as?: string): string {
    const key = JSON.stringify(value);
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const output = this.op('Constant', [], {
      attributes: { value: tensor(value) },
      ...(as !== undefined && { as }),
    });
    this.#constants.set(key, output);
    return output;
  }

  /** In a body: an If whose branches read the values around it. */
  if(condition: string, outputs: readonly string[], then: Subgraph, otherwise: Subgraph): void {
    this.node('If', [condition], outputs, {
      attributes: { then_branch: branch(then), else_branch: branch(otherwise) },
    });
  }

  /**
   * In a body: what `record` records, as a branch of an If. Its constants stay outside, where
   * everything reads them.
   */
  branch(name: string, record: () => readonly string[]): Subgraph {
    const start = this.nodes.length;
    const outputs = record();
    const nodes = this.nodes.splice(start);
    this.nodes.push(...nodes.filter((node) => node.op === 'Constant'));
    return { name, nodes: nodes.filter((node) => node.op !== 'Constant'), outputs };
  }

  /** A name that nothing has yet. */
  unique(stem: string): string {
    let name = stem;
    for (let n = 1; this.#names.has(name); n++) name = `${stem}_${n}`;
    this.#names.add(name);
    return name;
  }

  /** Equal parts along an axis. */
  split(input: string, parts: number, axis: number, stem = 'Split'): readonly string[] {
    const outputs = Array.from({ length: parts }, () => this.unique(stem));
    this.node('Split', [input], outputs, {
      attributes: {
        axis: { kind: 'int', value: axis },
        num_outputs: { kind: 'int', value: parts },
      },
    });
    return outputs;
  }
}
