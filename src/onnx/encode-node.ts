// Nodes, attributes, functions and types as ONNX messages.

import type { TensorType } from '../base/tensors.ts';
import type {
  Attribute,
  Attributes,
  Constant,
  FunctionDef,
  Node,
  Subgraph,
  Value,
} from '../ir/graph.ts';
import { elementTypes } from '../base/dtypes.ts';
import { onnx } from './generated/onnx.js';
import { encodeValues } from './tensor-bytes.ts';

const kinds = onnx.AttributeProto.AttributeType;
const utf8 = new TextEncoder();

export function encodeNode(node: Node): onnx.NodeProto.$Properties {
  return {
    name: node.outputs.find((output) => output !== '') ?? '',
    domain: node.domain,
    op_type: node.op,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: encodeAttributes(node.attributes),
  };
}

export function encodeFunction(def: FunctionDef): onnx.FunctionProto.$Properties {
  return {
    domain: def.domain,
    name: def.name,
    doc_string: def.doc,
    input: [...def.inputs],
    output: [...def.outputs],
    attribute: [...def.attributes],
    node: def.nodes.map(encodeNode),
    opset_import: encodeOpsets(def.opsets),
  };
}

export function encodeOpsets(
  opsets: Readonly<Record<string, number>>,
): onnx.OperatorSetIdProto.$Properties[] {
  return Object.entries(opsets).map(([domain, version]) => ({ domain, version }));
}

export function encodeValue({ name, type }: Value): onnx.ValueInfoProto.$Properties {
  return { name, type: { tensor_type: encodeType(type) } };
}

function encodeType({ dtype, shape }: TensorType): onnx.TypeProto.Tensor.$Properties {
  const dim = shape.map((size) => {
    if (size === null) return {};
    return typeof size === 'number' ? { dim_value: size } : { dim_param: size };
  });
  return { elem_type: elementTypes[dtype], shape: { dim } };
}

function encodeAttributes(attributes: Attributes): onnx.AttributeProto.$Properties[] {
  return Object.entries(attributes).map(([name, value]) => ({ name, ...encodeAttribute(value) }));
}

function encodeAttribute(attribute: Attribute): onnx.AttributeProto.$Properties {
  switch (attribute.kind) {
    case 'int':
      return { type: kinds.INT, i: attribute.value };
    case 'float':
      return { type: kinds.FLOAT, f: attribute.value };
    case 'string':
      return { type: kinds.STRING, s: utf8.encode(attribute.value) };
    case 'ints':
      return { type: kinds.INTS, ints: [...attribute.value] };
    case 'tensor':
      return { type: kinds.TENSOR, t: encodeConstant(attribute.value) };
    case 'graph':
      return { type: kinds.GRAPH, g: encodeSubgraph(attribute.value) };
    case 'ref':
      return { type: refKinds[attribute.as], ref_attr_name: attribute.of };
    default:
      return attribute satisfies never;
  }
}

const refKinds = { int: kinds.INT, float: kinds.FLOAT, string: kinds.STRING } as const;

function encodeConstant({ dtype, shape, values }: Constant): onnx.TensorProto.$Properties {
  return {
    dims: [...shape],
    data_type: elementTypes[dtype],
    raw_data: encodeValues(dtype, values),
  };
}

function encodeSubgraph({ name, nodes, outputs }: Subgraph): onnx.GraphProto.$Properties {
  return { name, node: nodes.map(encodeNode), output: outputs.map((output) => ({ name: output })) };
}
