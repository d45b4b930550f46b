// graph → model: the target chooses the bodies of the fused operators and the versions to import.
//
//   onnxruntime   contrib operators, opset 24: ONNX Runtime up to 1.23 counts the sliding window one
//                 key too wide, and refuses opset 24
//   portable      standard ONNX, opset 21: any runtime that inlines functions

import { ops } from '../../ops/index.ts';
import { opsets } from '../../ops/opsets.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Target } from '../base/manifest.ts';
import type { TensorType } from '../base/tensors.ts';
import {
  contribDomain,
  fusedDomain,
  type FunctionDef,
  type Graph,
  type Model,
} from '../ir/graph.ts';

/** The last IR version that runtimes with opset 21 read. */
const irVersion = 10;

export interface ModelInfo {
  readonly producer: Model['producer'];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The model that a target's runtimes read. */
export function forTarget(graph: Graph, target: Target, { producer, metadata }: ModelInfo): Model {
  return {
    irVersion,
    opsets: {
      '': target === 'onnxruntime' ? opsets.contrib : opsets.body,
      [fusedDomain]: 1,
      ...(graph.nodes.some(({ domain }) => domain === contribDomain) && { [contribDomain]: 1 }),
    },
    producer,
    graph,
    functions: bodies(graph, target),
    metadata,
  };
}

/** One body for each fused operator in use, chosen by its first call. */
function bodies(graph: Graph, target: Target): readonly FunctionDef[] {
  const types = new Map(
    [...graph.inputs, ...graph.initializers, ...graph.values, ...graph.outputs].map(
      ({ name, type }) => [name, type] as const,
    ),
  );
  const calls = graph.nodes.filter(({ domain }) => domain === fusedDomain);
  return [...new Set(calls.map(({ op }) => op))].toSorted().map((name) => {
    const call = calls.find(({ op }) => op === name);
    const op = ops.get(name);
    if (!call || !op) throw new ToolkitError('GRAPH_INVALID', `no operator ${name}`);
    const inputs = call.inputs.map((input) => typeOf(types, input));
    const { attributes } = call;
    return target === 'onnxruntime'
      ? op.contrib({ inputs, attributes })
      : op.body({ inputs, attributes });
  });
}

function typeOf(types: ReadonlyMap<string, TensorType>, name: string): TensorType {
  const type = types.get(name);
  if (!type) throw new ToolkitError('GRAPH_INVALID', `value ${name} has no type`);
  return type;
}
