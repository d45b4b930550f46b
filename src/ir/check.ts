// Proves that a model is well formed: single assignment, order, types, and function bodies that
// mean what their operators say. It runs on every graph that tests build, and behind --debug.

import { ToolkitError } from '../base/errors.ts';
import { formatShape, type TensorType } from '../base/tensors.ts';
import { compatible } from './dims.ts';
import { fact, type Fact } from './facts.ts';
import { givenFacts } from './finish.ts';
import { fusedDomain, type FunctionDef, type Graph, type Model, type Node } from './graph.ts';
import { type FusedRule, inferFunction, inferNodes } from './infer.ts';

/** Throws GRAPH_INVALID at the first rule that the model breaks. */
export function checkModel(model: Model, fused: ReadonlyMap<string, FusedRule>): void {
  checkGraph(model.graph, fused);
  checkOpsets(model.graph.nodes, model.opsets, model.graph.name);
  for (const fn of model.functions) {
    checkAssignment(fn.name, fn.inputs, fn.nodes, fn.outputs);
    checkOpsets(fn.nodes, fn.opsets, fn.name);
    checkSameVersions(fn, model);
  }
  checkBodies(model, fused);
}

/** The rules that need no functions: assignment, order, types. */
export function checkGraph(graph: Graph, fused: ReadonlyMap<string, FusedRule>): void {
  const given = [...graph.inputs, ...graph.initializers].map(({ name }) => name);
  checkAssignment(
    graph.name,
    given,
    graph.nodes,
    graph.outputs.map(({ name }) => name),
  );
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  const idle = graph.initializers.find(({ name }) => !read.has(name));
  if (idle) fail(`initializer ${idle.name} is read by no node`, graph.name);
  checkTypes(graph, fused);
}

function checkTypes(graph: Graph, fused: ReadonlyMap<string, FusedRule>): void {
  const facts = inferNodes(graph.nodes, givenFacts(graph), { fused, where: graph.name });
  const recorded = new Map([...graph.values, ...graph.outputs].map((v) => [v.name, v.type]));
  for (const name of graph.nodes.flatMap((node) => node.outputs)) {
    if (name === '') continue;
    const type = recorded.get(name) ?? fail(`value ${name} has no type`, graph.name);
    expectType(name, facts.get(name)?.type, type, graph.name);
  }
}

function checkAssignment(
  where: string,
  given: readonly string[],
  nodes: readonly Node[],
  outputs: readonly string[],
): void {
  const assigned = new Set<string>();
  const assign = (name: string): void => {
    if (assigned.has(name)) fail(`value ${name} has two producers`, where);
    assigned.add(name);
  };
  const walk = (list: readonly Node[]): void => {
    for (const node of list) {
      for (const name of node.inputs) {
        if (name !== '' && !assigned.has(name)) {
          fail(`${node.op} reads ${name} before anything produces it`, where);
        }
      }
      for (const attribute of Object.values(node.attributes)) {
        if (attribute.kind === 'graph') walk(attribute.value.nodes);
      }
      for (const name of node.outputs) if (name !== '') assign(name);
    }
  };
  for (const name of given) assign(name);
  walk(nodes);
  for (const name of outputs)
    if (!assigned.has(name)) fail(`output ${name} is not produced`, where);
}

function checkOpsets(
  nodes: readonly Node[],
  opsets: Readonly<Record<string, number>>,
  where: string,
): void {
  const foreign = withBranches(nodes).find((node) => opsets[node.domain] === undefined);
  if (foreign) fail(`${foreign.op} is of domain '${foreign.domain}', which is not imported`, where);
}

/** An operator means the same inside a function and around it. */
function checkSameVersions({ name, opsets }: FunctionDef, model: Model): void {
  for (const [domain, version] of Object.entries(opsets)) {
    const around = model.opsets[domain] ?? version;
    if (version !== around) {
      fail(`domain '${domain}' is of version ${version} here and ${around} in the model`, name);
    }
  }
}

/** Nodes, and those of the branches inside them. */
function withBranches(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap((node) => {
    const inner = Object.values(node.attributes).flatMap((attribute) =>
      attribute.kind === 'graph' ? withBranches(attribute.value.nodes) : [],
    );
    return [node, ...inner];
  });
}

/** Every call's body yields the types that the operator's own inference yields. */
function checkBodies({ graph, functions }: Model, fused: ReadonlyMap<string, FusedRule>): void {
  const bodies = new Map<string, FunctionDef>();
  for (const fn of functions) {
    if (bodies.has(fn.name)) fail(`function ${fn.name} has two bodies`, graph.name);
    bodies.set(fn.name, fn);
  }
  const types = typesOf(graph);
  for (const node of graph.nodes) {
    const rule = fused.get(node.op);
    if (!rule || node.domain !== fusedDomain) continue;
    const body = bodies.get(node.op) ?? fail(`function ${node.op} has no body`, graph.name);
    if (body.inputs.length !== node.inputs.length) {
      fail(
        `${node.op} has ${node.inputs.length} inputs, its body ${body.inputs.length}`,
        graph.name,
      );
    }
    const inputs = node.inputs.map((name) => types.get(name) ?? fail(`${name} has no type`, name));
    const expected = rule({ inputs, attributes: node.attributes });
    const found = inferFunction(body, inputs.map(untold), node.attributes, fused);
    for (const [i, type] of expected.entries()) {
      expectType(`${node.op}.${body.outputs[i] ?? i}`, found[i]?.type, type, body.name);
    }
  }
}

function untold(type: TensorType): Fact {
  return fact(type.dtype, type.shape);
}

function typesOf(graph: Graph): ReadonlyMap<string, TensorType> {
  const all = [...graph.inputs, ...graph.initializers, ...graph.values, ...graph.outputs];
  return new Map(all.map(({ name, type }) => [name, type]));
}

function expectType(
  name: string,
  found: TensorType | undefined,
  expected: TensorType,
  where: string,
): void {
  if (found && found.dtype === expected.dtype && compatible(found.shape, expected.shape)) return;
  fail(`value ${name} is ${describe(found)}, not ${describe(expected)}`, where);
}

function describe(type: TensorType | undefined): string {
  return type ? `${type.dtype} ${formatShape(type.shape)}` : 'nothing';
}

function fail(rule: string, graph: string): never {
  throw new ToolkitError('GRAPH_INVALID', rule, { where: { graph } });
}
