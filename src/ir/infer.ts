// Types of all values of a graph or a function's body, from the types of what goes in.

import { ToolkitError } from '../base/errors.ts';
import type { TensorType } from '../base/tensors.ts';
import { type Dims, mergeDims, ShapeError } from './dims.ts';
import { fact, type Fact, type Rule } from './facts.ts';
import {
  type Attribute,
  type Attributes,
  contribDomain,
  fusedDomain,
  type FunctionDef,
  type Initializer,
  type Node,
  type Subgraph,
} from './graph.ts';
import { contribRules } from './rules-contrib.ts';
import { elementwiseRules } from './rules-elementwise.ts';
import { shapeRules } from './rules-shape.ts';
import { tensorRules } from './rules-tensor.ts';

/** Types a fused operator's outputs. */
export type FusedRule = (call: {
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
}) => readonly TensorType[];

export interface InferOptions {
  /** By operator name. */
  readonly fused: ReadonlyMap<string, FusedRule>;
  /** Types that the graph's author vouches for, by value. */
  readonly asserted?: ReadonlyMap<string, TensorType>;
  /** For messages: the graph or function. */
  readonly where: string;
}

const standard: Readonly<Record<string, Rule>> = {
  ...elementwiseRules,
  ...shapeRules,
  ...tensorRules,
};

/** Adds the facts of every node's outputs to those of the inputs. */
export function inferNodes(
  nodes: readonly Node[],
  given: ReadonlyMap<string, Fact>,
  options: InferOptions,
): ReadonlyMap<string, Fact> {
  const facts = new Map(given);
  for (const node of nodes) {
    for (const [name, found] of inferNode(node, facts, options)) facts.set(name, found);
  }
  return facts;
}

/** Facts of a function's outputs for one call of it. */
export function inferFunction(
  fn: FunctionDef,
  inputs: readonly Fact[],
  attributes: Attributes,
  fused: ReadonlyMap<string, FusedRule>,
): readonly Fact[] {
  const given = new Map(
    fn.inputs.map((name, i) => [name, inputs[i] ?? missing(`${fn.name}: ${name}`)]),
  );
  const nodes = fn.nodes.map((node) => withAttributes(node, attributes));
  const facts = inferNodes(nodes, given, { fused, where: fn.name });
  return fn.outputs.map((name) => facts.get(name) ?? missing(`${fn.name}: ${name}`));
}

export function initializerFact({ type, recipe }: Initializer): Fact {
  return fact(type.dtype, type.shape, recipe.kind === 'values' ? recipe.values : undefined);
}

function inferNode(
  node: Node,
  facts: ReadonlyMap<string, Fact>,
  options: InferOptions,
): readonly (readonly [string, Fact])[] {
  const inputs = node.inputs.map((name) =>
    name === '' ? undefined : (facts.get(name) ?? missing(`${options.where}: ${name}`)),
  );
  try {
    const found =
      node.op === 'If' ? inferIf(node, facts, options) : ruleOf(node, options)(node, inputs);
    return node.outputs.flatMap((name, i) => {
      const value = found[i];
      if (name === '') return [];
      if (!value) throw new ShapeError(`the operator has no output ${i}`);
      return [[name, refined(name, value, options)] as const];
    });
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new ToolkitError('GRAPH_INVALID', `${node.op}: ${cause.message}`, {
      where: { graph: options.where, output: node.outputs[0] ?? '', inputs: node.inputs },
      cause,
    });
  }
}

function ruleOf(node: Node, { fused }: InferOptions): Rule {
  const rule =
    node.domain === fusedDomain
      ? fusedRule(fused.get(node.op))
      : (node.domain === contribDomain ? contribRules : standard)[node.op];
  if (!rule) throw new ShapeError(`no such operator in domain '${node.domain}'`);
  return rule;
}

function fusedRule(rule: FusedRule | undefined): Rule | undefined {
  return (
    rule &&
    ((node, inputs) =>
      rule({
        inputs: inputs.map((input, i) => input?.type ?? missing(`input ${i}`)),
        attributes: node.attributes,
      }).map(({ dtype, shape }) => fact(dtype, shape)))
  );
}

function inferIf(
  node: Node,
  facts: ReadonlyMap<string, Fact>,
  options: InferOptions,
): readonly Fact[] {
  const [then, otherwise] = ['then_branch', 'else_branch'].map((name) => {
    const { nodes, outputs } = branchOf(node, name);
    const inside = inferNodes(nodes, facts, options);
    return outputs.map((output) => inside.get(output) ?? missing(`${options.where}: ${output}`));
  });
  if (!then || then.length !== otherwise?.length)
    throw new ShapeError('branches of unequal length');
  return then.map((left, i) => {
    const right = otherwise[i] ?? left;
    if (left.type.dtype !== right.type.dtype) throw new ShapeError('branches of unequal dtype');
    return fact(left.type.dtype, common(left.type.shape, right.type.shape));
  });
}

/** What holds whichever branch is taken. */
function common(a: Dims, b: Dims): Dims {
  if (a.length !== b.length) throw new ShapeError('branches of unequal rank');
  return a.map((dim, axis) => (dim === b[axis] ? dim : null));
}

function refined(name: string, value: Fact, { asserted }: InferOptions): Fact {
  const type = asserted?.get(name);
  if (!type) return value;
  if (type.dtype !== value.type.dtype) {
    throw new ShapeError(`${name} is ${value.type.dtype}, not ${type.dtype}`);
  }
  return { ...value, type: { ...type, shape: mergeDims(value.type.shape, type.shape, name) } };
}

function branchOf(node: Node, name: string): Subgraph {
  const attribute = node.attributes[name];
  if (attribute?.kind !== 'graph') throw new ShapeError(`${node.op} without ${name}`);
  return attribute.value;
}

/** A body's node with the caller's attributes in the place of references to them. */
function withAttributes(node: Node, given: Attributes): Node {
  const entries = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    resolved(attribute, given),
  ]);
  return { ...node, attributes: Object.fromEntries(entries) };
}

function resolved(attribute: Attribute, given: Attributes): Attribute {
  if (attribute.kind === 'ref') return given[attribute.of] ?? missing(`attribute ${attribute.of}`);
  if (attribute.kind !== 'graph') return attribute;
  const nodes = attribute.value.nodes.map((node) => withAttributes(node, given));
  return { kind: 'graph', value: { ...attribute.value, nodes } };
}

function missing(what: string): never {
  throw new ToolkitError('GRAPH_INVALID', `${what} is read and nothing produces it`);
}
