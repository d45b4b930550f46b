// ONNX messages as nodes, attributes, functions and types. What the graph cannot say is refused
// by name, never left out.

import { ToolkitError } from '../base/errors.ts';
import { type Dim, sizeOf, type TensorType } from '../base/tensors.ts';
import { bytesFor } from '../base/dtypes.ts';
import type {
  Attribute,
  Attributes,
  Constant,
  FunctionDef,
  Node,
  Subgraph,
  Value,
} from '../ir/graph.ts';
import { dtypeOf } from './element-types.ts';
import { onnx } from './generated/onnx.js';
import { decodeValues, exactNumber } from './tensor-bytes.ts';

type Int64 = onnx.AttributeProto.$Properties['i'];

const kinds = onnx.AttributeProto.AttributeType;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An int64 field as a number, where that loses nothing. */
export function toNumber(value: Int64): number {
  if (typeof value !== 'object' || value === null) return value ?? 0;
  const number = value.toNumber();
  return Number.isSafeInteger(number) ? number : exactNumber(BigInt(value.toString()));
}

/** A shape of known sizes, whose number of bytes is exact. */
export function decodeShape(
  { dims, data_type }: onnx.TensorProto.$Properties,
  where: string,
): Constant['shape'] {
  const shape = (dims ?? []).map(toNumber);
  const dtype = dtypeOf(data_type ?? 0, where);
  // Without the zeros: a product of the others that is beyond exact integers is no shape either.
  const size = bytesFor(dtype, sizeOf(shape.filter((dim) => dim !== 0)));
  if (shape.some((dim) => dim < 0) || !Number.isSafeInteger(size)) {
    throw new ToolkitError('ONNX_INVALID', 'the shape of a tensor is negative or too large', {
      where: { at: where, shape },
    });
  }
  return shape;
}

/** Entries by key, each once. */
export function uniqueEntries<T>(
  what: string,
  entries: readonly (readonly [string, T])[],
): Readonly<Record<string, T>> {
  const seen = new Set<string>();
  for (const [key] of entries) {
    if (seen.has(key)) {
      throw new ToolkitError('ONNX_INVALID', `${what} has a key twice`, { where: { key } });
    }
    seen.add(key);
  }
  return Object.fromEntries(entries);
}

export function decodeOpsets(
  opsets: readonly onnx.OperatorSetIdProto.$Properties[] | null | undefined,
): Readonly<Record<string, number>> {
  return uniqueEntries(
    'opset_import',
    (opsets ?? []).map(({ domain, version }) => [domain ?? '', toNumber(version)] as const),
  );
}

export function decodeFunction(proto: onnx.FunctionProto.$Properties): FunctionDef {
  const name = proto.name ?? '';
  if ((proto.attribute_proto ?? []).length > 0) unsupported('defaults of attributes', name);
  if (proto.overload) unsupported('overloads of functions', name);
  return {
    domain: proto.domain ?? '',
    name,
    doc: proto.doc_string ?? '',
    inputs: [...(proto.input ?? [])],
    outputs: [...(proto.output ?? [])],
    attributes: [...(proto.attribute ?? [])],
    nodes: (proto.node ?? []).map(decodeNode),
    opsets: decodeOpsets(proto.opset_import),
  };
}

export function decodeNode(proto: onnx.NodeProto.$Properties): Node {
  const op = proto.op_type ?? '';
  if (proto.overload) unsupported('overloads of functions', op);
  return {
    domain: proto.domain ?? '',
    op,
    inputs: [...(proto.input ?? [])],
    outputs: [...(proto.output ?? [])],
    attributes: decodeAttributes(op, proto.attribute ?? []),
  };
}

function decodeAttributes(
  op: string,
  protos: readonly onnx.AttributeProto.$Properties[],
): Attributes {
  return uniqueEntries(
    `a node ${op}`,
    protos.map((proto) => [proto.name ?? '', decodeAttribute(op, proto)] as const),
  );
}

function decodeAttribute(op: string, proto: onnx.AttributeProto.$Properties): Attribute {
  const where = `${op}.${proto.name ?? ''}`;
  if (proto.ref_attr_name) {
    return { kind: 'ref', of: proto.ref_attr_name, as: refKind(proto.type, where) };
  }
  switch (proto.type) {
    case kinds.INT:
      return { kind: 'int', value: toNumber(proto.i) };
    case kinds.FLOAT:
      return { kind: 'float', value: proto.f ?? 0 };
    case kinds.STRING:
      return { kind: 'string', value: decodeText(proto.s, where) };
    case kinds.INTS:
      return { kind: 'ints', value: (proto.ints ?? []).map(toNumber) };
    case kinds.TENSOR:
      return { kind: 'tensor', value: decodeConstant(proto.t ?? {}, where) };
    case kinds.GRAPH:
      return { kind: 'graph', value: decodeSubgraph(proto.g ?? {}, where) };
    default:
      return unsupported('attributes of this type', where);
  }
}

function refKind(type: number | null | undefined, where: string): 'int' | 'float' | 'string' {
  if (type === kinds.INT) return 'int';
  if (type === kinds.FLOAT) return 'float';
  if (type === kinds.STRING) return 'string';
  return unsupported('references to attributes of this type', where);
}

function decodeText(bytes: Uint8Array | null | undefined, where: string): string {
  try {
    return utf8.decode(bytes ?? new Uint8Array());
  } catch (cause) {
    throw new ToolkitError('ONNX_INVALID', 'a string is not UTF-8', {
      where: { at: where },
      cause,
    });
  }
}

function decodeConstant(proto: onnx.TensorProto.$Properties, where: string): Constant {
  const dtype = dtypeOf(proto.data_type ?? 0, where);
  const shape = decodeShape(proto, where);
  const bytes = proto.raw_data ?? new Uint8Array();
  if (bytes.length !== bytesFor(dtype, sizeOf(shape)) || (proto.external_data ?? []).length > 0) {
    throw new ToolkitError('ONNX_INVALID', 'a constant has other raw bytes than its shape needs', {
      where: { at: where, bytes: bytes.length, shape },
    });
  }
  return { dtype, shape, values: decodeValues(dtype, bytes, sizeOf(shape)) };
}

function decodeSubgraph(proto: onnx.GraphProto.$Properties, where: string): Subgraph {
  if ((proto.input ?? []).length > 0) unsupported('inputs of subgraphs', where);
  if ((proto.initializer ?? []).length > 0) unsupported('initializers in subgraphs', where);
  return {
    name: proto.name ?? '',
    nodes: (proto.node ?? []).map(decodeNode),
    outputs: (proto.output ?? []).map(({ name }) => name ?? ''),
  };
}

export function decodeValue({ name, type }: onnx.ValueInfoProto.$Properties): Value {
  const where = name ?? '';
  const tensor = type?.tensor_type;
  if (!tensor?.shape) {
    throw new ToolkitError('ONNX_INVALID', 'a value is not a tensor with a shape', {
      where: { value: where },
    });
  }
  const shape = (tensor.shape.dim ?? []).map((dim) => decodeDim(dim, where));
  return {
    name: where,
    type: { dtype: dtypeOf(tensor.elem_type ?? 0, where), shape } satisfies TensorType,
  };
}

function decodeDim(dim: onnx.TensorShapeProto.Dimension.$Properties, where: string): Dim {
  if (dim.dim_param) return dim.dim_param;
  if (dim.dim_value === undefined || dim.dim_value === null) return null;
  const size = toNumber(dim.dim_value);
  if (size >= 0) return size;
  throw new ToolkitError('ONNX_INVALID', 'a dimension is negative', {
    where: { value: where, size },
  });
}

function unsupported(what: string, where: string): never {
  throw new ToolkitError('UNSUPPORTED_OPERATOR', `${what} are not supported`, {
    where: { at: where },
  });
}
