// A graph of either target → the steps that a GPU runs. Operators that follow a product become its
// epilogue: bias, activation, gate, residual sum. Function bodies are not looked at: the fused
// operators mean what this toolkit says they mean.
//
//   int64, int32, bool values   → the host part
//   float values                → steps over packed tokens
//   weights made of weights     → nothing: the GPU reads what they are made of
//   anything else               → an error that names node and operator, before any GPU work

import { ToolkitError } from '../../base/errors.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { hostPart } from './host-part.ts';
import { labelOf } from '../reference/operators.ts';
import { Draft, unsupported } from './plan-draft.ts';
import { lookUp, readers } from './plan-readers.ts';
import { weightNodes } from './plan-weights.ts';
import { readTooEarly } from './step-values.ts';
import type { Plan, Step } from './steps.ts';

/** The steps of a model; an operator that has none is UNSUPPORTED_OPERATOR. */
export function planOf({ graph }: Model): Plan {
  const draft = new Draft(graph, weightNodes(graph));
  const integers = new Set(
    [...graph.inputs, ...graph.values]
      .filter(({ type }) => type.dtype !== 'float32' && type.dtype !== 'float16')
      .map(nameOf),
  );
  for (const node of graph.nodes) {
    const output = labelOf(node);
    if (draft.made.has(output)) continue; // followed back from where it is read
    if (integers.has(output)) draft.hostNodes.push(node);
    else (lookUp(readers, node) ?? unsupported(node))(draft, node);
  }
  for (const node of draft.pending.values()) unsupported(node);
  const output = resultOf(draft);
  checkReads(graph, draft.steps);
  const { ids, lasts, total, ...rest } = draft.ports;
  if (ids === undefined || lasts === undefined || total === undefined) {
    throw invalid('the model embeds ids and attends to them', graph.name);
  }
  return {
    steps: draft.steps,
    rows: draft.rows,
    layers: draft.layers,
    positions: draft.positions,
    vocabulary: draft.vocabulary,
    output,
    host: hostPart(graph, draft.hostNodes, { ids, lasts, total, ...rest }),
  };
}

function resultOf(draft: Draft): Plan['output'] {
  const caches = new Set(draft.layers.flatMap(({ names }) => names?.present ?? []));
  const results = draft.graph.outputs.filter(({ name }) => !caches.has(name));
  const [result] = results;
  const value = result && draft.matrix(result.name);
  if (results.length !== 1 || result === undefined || value === undefined) {
    throw invalid('the model has one result beside its cache', results.map(nameOf).join(', '));
  }
  return { name: result.name, value };
}

/** Refuses a graph where a product became another step's part and is read as it was all the same. */
function checkReads({ nodes }: Graph, steps: readonly Step[]): void {
  const early = readTooEarly(steps);
  if (early === undefined) return;
  const node = nodes.find(({ outputs }) => outputs.includes(early));
  if (node) unsupported(node, 'what follows a product is all that reads it');
  throw invalid('a matrix is made before it is read', early);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function invalid(rule: string, where: string): ToolkitError {
  return new ToolkitError('ONNX_INVALID', rule, { where: { graph: where } });
}
