// A model as ONNX's bytes.
//
// The order of fields in a message is free, so initializers are written last: a model is a head
// for each initializer (the first one carries all the rest) and then that initializer's own bytes.
// The bytes can come from a stream, and a model of 2 GB needs no more memory than a small one.

import protobuf from 'protobufjs/minimal.js';
import { ToolkitError } from '../base/errors.ts';
import { maxProtobufBytes } from '../base/limits.ts';
import type { Graph, Initializer, Model } from '../ir/graph.ts';
import { elementTypes } from '../base/dtypes.ts';
import { encodeFunction, encodeNode, encodeOpsets, encodeValue } from './encode-node.ts';
import { onnx } from './generated/onnx.js';
import { type ExternalRange, isExternal, type Place, type Placement } from './placement.ts';

/** A stretch of a model file: `head`, and after it `length` bytes of the initializer's data. */
interface Piece {
  readonly initializer: Initializer | undefined;
  readonly head: Uint8Array;
  readonly length: number;
}

export interface Frame {
  /** One for each initializer, in order; a single one without initializer when there are none. */
  readonly pieces: readonly Piece[];
  /** Of the whole file, with the initializers' bytes. */
  readonly size: number;
}

/** A model file without the bytes of its initializers; `places` has one for each. */
export function encodeFrame(model: Model, places: ReadonlyMap<string, Place>): Frame {
  const tensors = model.graph.initializers.map((initializer) =>
    encodeInitializer(initializer, placeOf(initializer, places)),
  );
  const graph = encodeGraph(model.graph);
  const tensorBytes = sum(tensors.map(({ head, length }) => head.length + length));
  const start = join([encodeHeader(model), tag(fields.graph, graph.length + tensorBytes), graph]);
  checkSize(start.length + tensorBytes);
  const [first, ...rest] = tensors;
  const pieces: readonly Piece[] =
    first === undefined
      ? [{ initializer: undefined, head: start, length: 0 }]
      : [{ ...first, head: join([start, first.head]) }, ...rest];
  return { pieces, size: start.length + tensorBytes };
}

/** A model file's bytes; `placed` has each initializer's bytes, or where they are. */
export function encodeModel(model: Model, placed: ReadonlyMap<string, Placement>): Uint8Array {
  const places = new Map<string, Place>();
  for (const [name, placement] of placed) {
    places.set(name, 'bytes' in placement ? { length: placement.bytes.length } : placement);
  }
  const { pieces } = encodeFrame(model, places);
  return join(
    pieces.flatMap(({ initializer, head }) => {
      const placement = initializer && placed.get(initializer.name);
      return placement && 'bytes' in placement ? [head, placement.bytes] : [head];
    }),
  );
}

// Numbers of the fields that are framed here, in onnx.proto.
const fields = { graph: 7, initializer: 5, rawData: 9 } as const;

function encodeHeader(model: Model): Uint8Array {
  const message: onnx.ModelProto.$Properties = {
    ir_version: model.irVersion,
    producer_name: model.producer.name,
    producer_version: model.producer.version,
    opset_import: encodeOpsets(model.opsets),
    metadata_props: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    functions: model.functions.map(encodeFunction),
  };
  return onnx.ModelProto.encode(message, new protobuf.Writer()).finish();
}

function encodeGraph(graph: Graph): Uint8Array {
  const message: onnx.GraphProto.$Properties = {
    name: graph.name,
    input: graph.inputs.map(encodeValue),
    output: graph.outputs.map(encodeValue),
    node: graph.nodes.map(encodeNode),
    value_info: graph.values.map(encodeValue),
  };
  return onnx.GraphProto.encode(message, new protobuf.Writer()).finish();
}

function encodeInitializer(initializer: Initializer, place: Place): Piece {
  const { name, type } = initializer;
  const external = isExternal(place);
  const message: onnx.TensorProto.$Properties = {
    dims: [...type.shape],
    data_type: elementTypes[type.dtype],
    name,
    ...(external ? encodeRange(place) : {}),
  };
  const tensor = onnx.TensorProto.encode(message, new protobuf.Writer()).finish();
  const raw = external ? new Uint8Array() : tag(fields.rawData, place.length);
  const length = external ? 0 : place.length;
  const size = tensor.length + raw.length + length;
  return { initializer, head: join([tag(fields.initializer, size), tensor, raw]), length };
}

function encodeRange(range: ExternalRange): onnx.TensorProto.$Properties {
  return {
    data_location: onnx.TensorProto.DataLocation.EXTERNAL,
    external_data: [
      { key: 'location', value: range.location },
      { key: 'offset', value: String(range.offset) },
      { key: 'length', value: String(range.length) },
    ],
  };
}

function placeOf(initializer: Initializer, places: ReadonlyMap<string, Place>): Place {
  const place = places.get(initializer.name);
  if (place !== undefined) return place;
  throw new ToolkitError('INTERNAL', 'an initializer has no place', {
    where: { initializer: initializer.name },
  });
}

function checkSize(size: number): void {
  if (size <= maxProtobufBytes) return;
  throw new ToolkitError('UNSUPPORTED_SIZE', 'the model file would be 2 GiB or larger', {
    where: { size, limit: maxProtobufBytes },
    fix: 'leave out --single-file, so that weights go to data files',
  });
}

/** The tag and the length of a field that holds `length` bytes. */
function tag(number: number, length: number): Uint8Array {
  const wireType = 2;
  return new protobuf.Writer()
    .uint32((number << 3) | wireType)
    .uint32(length)
    .finish();
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(sum(chunks.map((chunk) => chunk.length)));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
