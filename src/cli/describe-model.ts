// A model file in facts: what a runtime is given.

import { formatShape } from '../base/tensors.ts';
import { countNodes } from '../ir/count.ts';
import type { FunctionDef, Model, Value } from '../ir/graph.ts';
import type { VerifiedModel } from '../onnx/verify-files.ts';
import { wrap, type Description } from './description.ts';
import { formatBytes } from './sizes.ts';

/** Inputs and outputs of a cache are one line for all layers. */
const cachePattern = /^(past_key_values|present)\.(\d+)\.(key|value)$/;

export function describeModel({ model, files }: VerifiedModel): Description {
  const { graph, functions, metadata, opsets, irVersion, producer } = model;
  const nodes = countNodes(graph);
  const ops = Object.entries(nodes.byOp).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const imports = Object.entries(opsets);
  return {
    headline: headlineOf(model),
    facts: [
      ['producer', `${producer.name} ${producer.version}`.trim()],
      ['IR', `version ${irVersion}, opsets ${imports.map(opsetText).join(', ')}`],
      ['metadata', Object.entries(metadata).map(([key, value]) => `${key}=${value}`)],
      ['inputs', valueLines(graph.inputs)],
      ['outputs', valueLines(graph.outputs)],
      ['nodes', `${nodes.total}, ${nodes.perLayer} in a decoder layer`],
      ['operators', wrap(ops.map(([op, count]) => `${count} ${op}`))],
      ['functions', functions.map(functionText)],
      ['initializers', String(graph.initializers.length)],
      ['files', files.map(({ name, size }) => `${name} (${formatBytes(size)})`)],
    ],
    document: {
      kind: 'model',
      irVersion,
      opsets,
      producer,
      metadata,
      inputs: graph.inputs.map(valueOf),
      outputs: graph.outputs.map(valueOf),
      nodes,
      functions: functions.map(({ domain, name, nodes: body }) => ({
        domain,
        name,
        nodes: body.length,
      })),
      initializers: graph.initializers.length,
      files,
    },
  };
}

function headlineOf({ metadata }: Model): string {
  const words = ['task', 'dtype', 'target'].flatMap((key) => metadata[key] ?? []);
  return words.length === 0 ? 'an ONNX model' : words.join(', ');
}

function opsetText([domain, version]: readonly [string, number]): string {
  return `${domain === '' ? 'ai.onnx' : domain} ${version}`;
}

function functionText({ domain, name, nodes }: FunctionDef): string {
  return `${domain}.${name} (${nodes.length === 1 ? '1 node' : `${nodes.length} nodes`})`;
}

function valueOf({ name, type }: Value): object {
  return { name, dtype: type.dtype, shape: type.shape };
}

function valueLines(values: readonly Value[]): readonly string[] {
  const lines = new Set(
    values.map(({ name, type }) => {
      const generic = name.replace(cachePattern, '$1.*.$3');
      return `${generic} ${type.dtype} ${formatShape(type.shape)}`;
    }),
  );
  return [...lines];
}
