import protobuf from 'protobufjs/minimal.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { sampleModel, sampleWeights } from '../../test/sample-model.ts';
import { ToolkitError } from '../base/errors.ts';
import { branch } from '../ir/attributes.ts';
import type { Model, Node } from '../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { onnx } from './generated/onnx.js';
import { memorySink } from './memory-sink.ts';
import { writeModels } from './write-model.ts';

let file = new Uint8Array();

beforeAll(async () => {
  const sink = memorySink();
  await writeModels([{ model: sampleModel, path: 'm' }], sampleWeights(512), sink);
  file = Uint8Array.from(sink.files.get('m') ?? []);
});

/** The code of the error that reading gives, or `ok`; anything but a ToolkitError is thrown on. */
const verdict = (bytes: Uint8Array): string => {
  try {
    decodeModel(bytes);
    return 'ok';
  } catch (error) {
    if (error instanceof ToolkitError) return error.code;
    throw error;
  }
};

const empty: Model = {
  ...sampleModel,
  functions: [],
  graph: { name: 'g', inputs: [], outputs: [], initializers: [], nodes: [], values: [] },
};

/** A node inside `depth` branches, each in the other. */
const nested = (depth: number): Node => ({
  domain: '',
  op: 'If',
  inputs: ['c'],
  outputs: ['y'],
  attributes:
    depth === 0
      ? {}
      : { then_branch: branch({ name: 'b', nodes: [nested(depth - 1)], outputs: ['y'] }) },
});

const withNode = (node: Node): Uint8Array =>
  encodeModel({ ...empty, graph: { ...empty.graph, nodes: [node] } }, new Map());

const message = (model: onnx.ModelProto.$Properties): Uint8Array =>
  onnx.ModelProto.encode(model, new protobuf.Writer()).finish();

describe('decodeModel', () => {
  test('refuses a file that was cut anywhere', () => {
    const verdicts = Array.from({ length: 200 }, (_, i) =>
      verdict(file.subarray(0, Math.floor((i * file.length) / 200))),
    );
    expect(new Set(verdicts)).toEqual(new Set(['ONNX_INVALID']));
  });

  test('answers 100,000 damaged files with a model or an error of ours', () => {
    const random = generator(20_240_817);
    const counts = new Map<string, number>();
    const mutant = new Uint8Array(file.length);
    for (let i = 0; i < 100_000; i++) {
      mutant.set(file);
      for (let changes = 1 + random(4); changes > 0; changes--) {
        mutant[random(mutant.length)] =
          random(3) === 0 ? ([0, 0x7f, 0x80, 0xff][random(4)] ?? 0) : random(256);
      }
      const code = verdict(mutant);
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted()).toEqual(['ONNX_INVALID', 'UNSUPPORTED_OPERATOR', 'ok']);
    expect(counts.get('ONNX_INVALID')).toBeGreaterThan(10_000);
  });

  test('reads branches as deep as other readers, and no deeper', () => {
    expect(verdict(withNode(nested(30)))).toBe('ok');
    // Too deep for the writer as well: the message is put together from its inside.
    let node: Uint8Array = onnx.NodeProto.encode({ op_type: 'If' }).finish();
    for (let depth = 0; depth < 5000; depth++) {
      node = frame(1, node); // into a graph
      node = frame(5, frame(6, node)); // into an attribute of a node
    }
    expect(verdict(frame(7, frame(1, node)))).toBe('ONNX_INVALID');
    expect(verdict(new Uint8Array(100_000).fill(0x0b))).toBe('ONNX_INVALID'); // groups
  });

  test.each([
    ['nothing', []],
    ['field 0', [0x00, 0x00]],
    ['a number of eleven bytes', [0x08, ...Array.from({ length: 11 }, () => 0xff), 0x01]],
    ['a length of 2^31', [0x3a, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ['a length of 2^32', [0x3a, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['an end of no group', [0x0c]],
    ['text', [...'version https://git-lfs'].map((char) => char.charCodeAt(0))],
  ])('refuses %s', (_, bytes) => {
    expect(verdict(Uint8Array.from(bytes))).toBe('ONNX_INVALID');
  });

  test.each([
    ['no graph', { ir_version: 10 }, 'ONNX_INVALID'],
    [
      'one domain twice',
      { graph: {}, opset_import: [{ version: 21 }, { version: 22 }] },
      'ONNX_INVALID',
    ],
    ['one key twice', { graph: {}, metadata_props: [{ key: 'a' }, { key: 'a' }] }, 'ONNX_INVALID'],
    ['a value without type', { graph: { input: [{ name: 'x' }] } }, 'ONNX_INVALID'],
    [
      'one weight twice',
      { graph: { initializer: [emptyTensor('w'), emptyTensor('w')] } },
      'ONNX_INVALID',
    ],
    ['one attribute twice', { graph: { node: [{ attribute: [attr(), attr()] }] } }, 'ONNX_INVALID'],
    [
      'an attribute of no type',
      { graph: { node: [{ attribute: [{ name: 'a' }] }] } },
      'UNSUPPORTED_OPERATOR',
    ],
    ['an overloaded call', { graph: { node: [{ overload: 'x' }] } }, 'UNSUPPORTED_OPERATOR'],
    ['an overload', { graph: {}, functions: [{ overload: 'x' }] }, 'UNSUPPORTED_OPERATOR'],
    [
      'a default',
      { graph: {}, functions: [{ attribute_proto: [attr()] }] },
      'UNSUPPORTED_OPERATOR',
    ],
    [
      'weights in a branch',
      { graph: { node: [branching({ initializer: [{}] })] } },
      'UNSUPPORTED_OPERATOR',
    ],
    [
      'a loop',
      { graph: { node: [branching({ input: [{ name: 'i' }] })] } },
      'UNSUPPORTED_OPERATOR',
    ],
  ] satisfies [string, onnx.ModelProto.$Properties, string][])(
    'judges a model with %s',
    (_, model, code) => {
      expect(verdict(message(model))).toBe(code);
    },
  );

  test('refuses text that is not UTF-8', () => {
    const name = Uint8Array.of(0xff, 0xfe);
    expect(verdict(frame(7, frame(2, name)))).toBe('ONNX_INVALID');
    const s = { name: 's', type: 3, s: name };
    expect(verdict(message({ graph: { node: [{ attribute: [s] }] } }))).toBe('ONNX_INVALID');
  });

  test('refuses an integer that a double cannot hold', () => {
    // 2^62 + 1 as a varint, in attribute `i`
    const int = [0x18, 0x81, ...Array.from({ length: 7 }, () => 0x80), 0x40];
    const attribute = Uint8Array.from([0xa0, 0x01, 2, ...int]);
    const model = frame(7, frame(1, frame(5, attribute)));
    expect(() => decodeModel(model)).toThrow('exact in double precision');
  });
});

const attr = (): onnx.AttributeProto.$Properties => ({ name: 'a', type: 2, i: 1 });

const emptyTensor = (name: string): onnx.TensorProto.$Properties => ({
  name,
  data_type: 1,
  dims: [0],
});

const branching = (g: onnx.GraphProto.$Properties): onnx.NodeProto.$Properties => ({
  attribute: [{ name: 'body', type: 5, g }],
});

/** A field that holds `bytes`. */
function frame(number: number, bytes: Uint8Array): Uint8Array {
  return new protobuf.Writer()
    .uint32((number << 3) | 2)
    .bytes(bytes)
    .finish();
}

/** Numbers below a limit, the same ones for the same seed (xorshift). */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
