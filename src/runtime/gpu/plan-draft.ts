// A plan while a graph is read: steps so far, the matrices they make, and what waits for a step.

import { ToolkitError } from '../../base/errors.ts';
import type { TensorType } from '../../base/tensors.ts';
import type { Graph, Initializer, Node } from '../../ir/graph.ts';
import { labelOf } from '../reference/operators.ts';
import { madeBy } from './step-values.ts';
import type { CacheLayer, Rows, Step } from './steps.ts';

/** What is known while a graph is read. */
export class Draft {
  readonly steps: Step[] = [];
  readonly rows: Map<string, Rows> = new Map();
  readonly layers: CacheLayer[] = [];
  readonly hostNodes: Node[] = [];
  /** Float nodes that are parts of an activation, by their outputs. */
  readonly pending: Map<string, Node> = new Map();
  readonly initializers: ReadonlyMap<string, Initializer>;
  /** Types of the values between inputs and outputs. */
  readonly types: ReadonlyMap<string, TensorType>;
  /** Nodes that make a weight of another one, by what they make. */
  readonly made: ReadonlyMap<string, Node>;
  readonly graph: Graph;
  readonly ports: {
    ids?: string;
    lasts?: string;
    total?: string;
    indices?: string;
    shape?: string;
  } = {};
  vocabulary = 0;
  positions: number = Number.POSITIVE_INFINITY;
  readonly #aliases = new Map<string, string>();
  readonly #uses = new Map<string, number>();

  constructor(graph: Graph, made: ReadonlyMap<string, Node> = new Map()) {
    this.graph = graph;
    this.made = made;
    this.types = new Map(graph.values.map(({ name, type }) => [name, type]));
    this.initializers = new Map(graph.initializers.map((each) => [each.name, each]));
    const read = [
      ...graph.nodes.flatMap(({ inputs }) => inputs),
      ...graph.outputs.map(({ name }) => name),
    ];
    for (const name of read) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  /** Records a step and the matrix it makes. */
  add(step: Step, rows: Rows): void {
    this.steps.push(step);
    this.rows.set(step.output, rows);
  }

  /** Makes `name` another name of a matrix. */
  alias(name: string, of: string): void {
    this.#aliases.set(name, of);
  }

  /** The matrix of this name, by the name its step gave it. */
  matrix(name: string): string | undefined {
    const own = this.#aliases.get(name) ?? name;
    return this.rows.has(own) ? own : undefined;
  }

  rowsOf(name: string): Rows | undefined {
    const own = this.matrix(name);
    return own === undefined ? undefined : this.rows.get(own);
  }

  /** How a matrix that a node makes is kept, where the graph says so. */
  keptAs(rows: Rows, name: string): Rows {
    const dtype = this.types.get(name)?.dtype;
    return dtype === 'float32' || dtype === 'float16' ? { ...rows, dtype } : rows;
  }

  /** Whether one node reads the matrix, under whatever name, and no caller does. */
  readOnce(name: string): boolean {
    const own = this.matrix(name) ?? name;
    const names = [...this.#aliases].filter(([, of]) => of === own).map(([alias]) => alias);
    return [own, ...names].every((each) => this.#uses.get(each) === 1);
  }

  /** The index of the step that makes a matrix. */
  placeOf(name: string): number {
    return this.steps.findIndex((step) => madeBy(step).includes(name));
  }

  /** Replaces the last step that makes `output` by what it becomes with an epilogue. */
  replace(output: string, by: Step, rows: Rows): void {
    const index = this.steps.findIndex((step) => step.output === output);
    this.steps[index] = by;
    this.rows.delete(output);
    this.rows.set(by.output, rows);
  }
}

/** A number among the attributes of a node. */
export function numberIn(node: Node, name: string, otherwise?: number): number {
  const attribute = node.attributes[name];
  if (attribute?.kind === 'int' || attribute?.kind === 'float') return attribute.value;
  if (attribute === undefined && otherwise !== undefined) return otherwise;
  return unsupported(node, 'an attribute is a number', { attribute: name });
}

/** Says that the GPU runtime does not run a node. */
export function unsupported(
  node: Node,
  rule = 'the GPU runtime has no such operator',
  more: Readonly<Record<string, string | number>> = {},
): never {
  throw new ToolkitError('UNSUPPORTED_OPERATOR', rule, {
    where: { node: labelOf(node), operator: node.op, domain: node.domain, ...more },
    fix: 'choose --runtime onnxruntime',
  });
}
