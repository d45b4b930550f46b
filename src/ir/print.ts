// A graph as text: one node a line, results first, types behind.

import { formatShape, type TensorType } from '../base/tensors.ts';
import type { Attribute, FunctionDef, Graph, Model, Node } from './graph.ts';

/** The whole model: imports, graph, function bodies. */
export function printModel(model: Model): string {
  const opsets = Object.entries(model.opsets).map(
    ([domain, version]) => `${domain || 'ai.onnx'} ${version}`,
  );
  const metadata = Object.entries(model.metadata).map(([key, value]) => `  ${key}: ${value}`);
  return [
    `model (IR ${model.irVersion}; ${opsets.join(', ')})`,
    ...metadata,
    '',
    printGraph(model.graph),
    ...model.functions.flatMap((fn) => ['', printFunction(fn)]),
  ].join('\n');
}

function printGraph(graph: Graph): string {
  const types = new Map([...graph.values, ...graph.outputs].map(({ name, type }) => [name, type]));
  return [
    `graph ${graph.name} {`,
    ...graph.inputs.map(({ name, type }) => `  in   ${name}: ${printType(type)}`),
    ...graph.initializers.map(({ name, type }) => `  init ${name}: ${printType(type)}`),
    ...graph.nodes.flatMap((node) => printNode(node, '  ', types)),
    ...graph.outputs.map(({ name, type }) => `  out  ${name}: ${printType(type)}`),
    '}',
  ].join('\n');
}

export function printFunction(fn: FunctionDef): string {
  const attributes = fn.attributes.length > 0 ? `<${fn.attributes.join(', ')}>` : '';
  return [
    `function ${fn.domain}.${fn.name}${attributes}(${fn.inputs.join(', ')}) {`,
    ...fn.nodes.flatMap((node) => printNode(node, '  ', new Map())),
    `  return ${fn.outputs.join(', ')}`,
    '}',
  ].join('\n');
}

/** `float32 batch_size×sequence_length×128` */
export function printType({ dtype, shape }: TensorType): string {
  return `${dtype} ${formatShape(shape)}`;
}

function printNode(
  node: Node,
  indent: string,
  types: ReadonlyMap<string, TensorType>,
): readonly string[] {
  const flat = Object.entries(node.attributes).filter(([, { kind }]) => kind !== 'graph');
  const attributes = flat.map(([name, value]) => `${name}=${printAttribute(value)}`).join(', ');
  const outputs = node.outputs.map((name) => (name === '' ? '_' : name)).join(', ');
  const inputs = node.inputs.map((name) => (name === '' ? '_' : name)).join(', ');
  const type = types.get(node.outputs.find((name) => name !== '') ?? '');
  const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  const call = `${outputs} = ${op}${attributes && `<${attributes}>`}(${inputs})`;
  const lines = [`${indent}${call}${type ? `  : ${printType(type)}` : ''}`];
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (attribute.kind !== 'graph') continue;
    lines.push(`${indent}  ${name}: {`);
    for (const inner of attribute.value.nodes)
      lines.push(...printNode(inner, `${indent}    `, types));
    lines.push(`${indent}    return ${attribute.value.outputs.join(', ')}`, `${indent}  }`);
  }
  return lines;
}

// Longer lists are data, and data is not for reading.
const maxListed = 8;

function printAttribute(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'int':
      return String(attribute.value);
    case 'float':
      return printNumber(attribute.value);
    case 'string':
      return JSON.stringify(attribute.value);
    case 'ints':
      return `[${attribute.value.join(', ')}]`;
    case 'ref':
      return `@${attribute.of}`;
    case 'graph':
      return attribute.value.name;
    case 'tensor': {
      const { dtype, shape, values } = attribute.value;
      const shown = values.slice(0, maxListed).map(printNumber);
      const list = `${shown.join(', ')}${values.length > maxListed ? ', …' : ''}`;
      return `${dtype} ${shape.length === 0 ? list : `[${list}]`}`;
    }
  }
}

/** Whole numbers as they are; others with the digits that float32 has. */
function printNumber(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(7)));
}
