// ONNX's bytes as a model: the graph as data, with weights as references to where they are stored.

import protobuf from 'protobufjs/minimal.js';
import { bytesFor } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { externalThreshold, maxProtobufBytes } from '../base/limits.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Graph, Initializer, Model, Recipe } from '../ir/graph.ts';
import {
  decodeFunction,
  decodeNode,
  decodeOpsets,
  decodeShape,
  decodeValue,
  toNumber,
  uniqueEntries,
} from './decode-node.ts';
import { dtypeOf } from './element-types.ts';
import { readExternalData } from './external-data.ts';
import { onnx } from './generated/onnx.js';
import { decodeValues } from './tensor-bytes.ts';

/**
 * Reads a model file. Small tensors inside it become values; for the others, and those in data
 * files, the model says where they are. Nested messages end at protobuf's usual depth of 100. `name`
 * is for messages.
 */
export function decodeModel(file: Uint8Array, name = 'model.onnx'): Model {
  const proto = parse(file, name);
  if (!proto.graph) {
    throw new ToolkitError('ONNX_INVALID', 'the model file holds no graph', {
      where: { file: name },
      fix: 'the file is damaged or of another kind: write it again',
    });
  }
  return {
    irVersion: toNumber(proto.ir_version),
    opsets: decodeOpsets(proto.opset_import),
    producer: { name: proto.producer_name ?? '', version: proto.producer_version ?? '' },
    graph: decodeGraph(proto.graph, file),
    functions: (proto.functions ?? []).map(decodeFunction),
    metadata: uniqueEntries(
      'metadata_props',
      (proto.metadata_props ?? []).map(({ key, value }) => [key ?? '', value ?? ''] as const),
    ),
  };
}

function parse(file: Uint8Array, name: string): onnx.ModelProto.$Properties {
  if (file.length > maxProtobufBytes) {
    throw new ToolkitError('UNSUPPORTED_SIZE', 'the model file is 2 GiB or larger', {
      where: { file: name, size: file.length, limit: maxProtobufBytes },
    });
  }
  try {
    return onnx.ModelProto.decode(new protobuf.Reader(file));
  } catch (cause) {
    throw new ToolkitError('ONNX_INVALID', 'the model file is not a protobuf message', {
      where: { file: name, reason: cause instanceof Error ? cause.message : String(cause) },
      fix: 'the file is damaged or of another kind: write it again',
      cause,
    });
  }
}

function decodeGraph(proto: onnx.GraphProto.$Properties, file: Uint8Array): Graph {
  const initializers = (proto.initializer ?? []).map((tensor) => decodeInitializer(tensor, file));
  uniqueEntries(
    'the list of initializers',
    initializers.map(({ name }) => [name, true] as const),
  );
  return {
    name: proto.name ?? '',
    inputs: (proto.input ?? []).map(decodeValue),
    outputs: (proto.output ?? []).map(decodeValue),
    initializers,
    nodes: (proto.node ?? []).map(decodeNode),
    values: (proto.value_info ?? []).map(decodeValue),
  };
}

function decodeInitializer(proto: onnx.TensorProto.$Properties, file: Uint8Array): Initializer {
  const name = proto.name ?? '';
  const dtype = dtypeOf(proto.data_type ?? 0, name);
  const shape = decodeShape(proto, name);
  const recipe = decodeData(proto, file, dtype);
  const length = recipe.kind === 'stored' ? recipe.length : (proto.raw_data?.length ?? 0);
  const expected = bytesFor(dtype, sizeOf(shape));
  if (length !== expected) {
    throw new ToolkitError(
      'ONNX_INVALID',
      'a tensor has another number of bytes than its dtype and shape need',
      {
        where: { tensor: name, dtype, shape, bytes: length, expected },
      },
    );
  }
  if (recipe.kind === 'stored') return { name, type: { dtype, shape }, recipe };
  const values = recipe.values.slice(0, sizeOf(shape)); // half a byte may be nothing
  return { name, type: { dtype, shape }, recipe: { kind: 'values', values } };
}

function decodeData(
  proto: onnx.TensorProto.$Properties,
  file: Uint8Array,
  dtype: Initializer['type']['dtype'],
): Recipe & { readonly kind: 'stored' | 'values' } {
  const raw = proto.raw_data ?? new Uint8Array();
  const entries = proto.external_data ?? [];
  const external = proto.data_location === onnx.TensorProto.DataLocation.EXTERNAL;
  if (external ? raw.length > 0 : entries.length > 0) {
    throw new ToolkitError('ONNX_INVALID', 'a tensor is both in the model and in a data file', {
      where: { tensor: proto.name ?? '' },
    });
  }
  if (external) {
    const pairs = entries.map(({ key, value }) => ({ key: key ?? '', value: value ?? '' }));
    return { kind: 'stored', ...readExternalData(proto.name ?? '', pairs) };
  }
  if (raw.length < externalThreshold) return { kind: 'values', values: decodeValues(dtype, raw) };
  return {
    kind: 'stored',
    location: '',
    offset: raw.byteOffset - file.byteOffset,
    length: raw.length,
  };
}
