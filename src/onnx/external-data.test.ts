// What others have done to the references of tensors to files, and what ONNX's checker and the
// runtimes disagree about: one model with one weight, whose reference is all that differs.

import protobuf from 'protobufjs/minimal.js';
import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../../test/memory-folder.ts';
import { ToolkitError } from '../base/errors.ts';
import { onnx } from './generated/onnx.js';
import { verifyModelFiles } from './verify-files.ts';

type Entries = readonly (readonly [key: string, value: string])[];

const value = (name: string): onnx.ValueInfoProto.$Properties => ({
  name,
  type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 4 }] } } },
});

/** y = x + w, w with four float32 values at the place that `entries` names. */
const addModel = (entries: Entries, tensor: onnx.TensorProto.$Properties = {}): Uint8Array => {
  const w: onnx.TensorProto.$Properties = {
    name: 'w',
    data_type: 1,
    dims: [4],
    data_location: 1,
    external_data: entries.map(([key, text]) => ({ key, value: text })),
    ...tensor,
  };
  const model: onnx.ModelProto.$Properties = {
    ir_version: 10,
    opset_import: [{ domain: '', version: 21 }],
    graph: {
      name: 'g',
      node: [{ op_type: 'Add', input: ['x', 'w'], output: ['y'] }],
      input: [value('x')],
      output: [value('y')],
      initializer: [w],
    },
  };
  return onnx.ModelProto.encode(model, new protobuf.Writer()).finish();
};

const at = (location: string, offset = '0', length = '16'): Entries => [
  ['location', location],
  ['offset', offset],
  ['length', length],
];

const dataFiles = ['w.bin', 'sub/w.bin', 'a..b.bin', 'back\\slash.bin', 'hard.bin', 'link_in.bin'];
const links = new Map([
  ['hard.bin', 2],
  ['link_in.bin', 2],
  ['model.onnx', 2], // the model itself may be a link into a cache
]);

/** The verdict on a model file among data files of 4,096 zeros: a code, or `ok`. */
const verdict = async (model: Uint8Array): Promise<string> => {
  const files = new Map<string, Uint8Array>(dataFiles.map((name) => [name, new Uint8Array(4096)]));
  try {
    await verifyModelFiles(memoryFolder(files.set('model.onnx', model), links), 'model.onnx');
    return 'ok';
  } catch (error) {
    if (error instanceof ToolkitError) return error.code;
    throw error;
  }
};

describe('A reference to a data file', () => {
  test.each([
    ['a whole range', at('w.bin')],
    ['an offset that is not aligned', at('w.bin', '3')],
    ['the end of the file', at('w.bin', '4080')],
    ['another order of keys', at('w.bin').toReversed()],
  ])('may be %s', async (_, entries) => {
    expect(await verdict(addModel(entries))).toBe('ok');
  });

  test.each([
    ['no offset and length', [['location', 'w.bin']]],
    [
      'no offset',
      [
        ['location', 'w.bin'],
        ['length', '16'],
      ],
    ],
    [
      'no length',
      [
        ['location', 'w.bin'],
        ['offset', '0'],
      ],
    ],
    [
      'no location',
      [
        ['offset', '0'],
        ['length', '16'],
      ],
    ],
    ['no entries', []],
    ['a folder below', at('sub/w.bin')],
    ['a ./ prefix', at('./w.bin')],
    ['a way down and up', at('sub/../w.bin')],
    ['a way up', at('../outside.bin')],
    ['an absolute path', at('/models/w.bin')],
    ['a name with two dots', at('a..b.bin')],
    ['a symbolic link inside the folder', at('link_in.bin')],
    ['a way through a linked folder', at('dirlink/outside.bin')],
    ['a way through a linked folder inside', at('sublink/w.bin')],
    ['a hard link', at('hard.bin')],
    ['an empty name', at('')],
    ['a dot', at('.')],
    ['two dots', at('..')],
    ['a hidden file', at('.w.bin')],
    ['an offset beyond the file', at('w.bin', '5000')],
    ['a length beyond the file', at('w.bin', '4090')],
    ['a negative offset', at('w.bin', '-1')],
    ['a negative length', at('w.bin', '0', '-1')],
    ['a hexadecimal offset', at('w.bin', '0x10')],
    ['an offset among spaces', at('w.bin', ' 0 ')],
    ['an empty offset', at('w.bin', '')],
    ['an offset with leading zeros', at('w.bin', '00')],
    ['an offset with an exponent', at('w.bin', '1e1')],
    ['an offset beyond exact numbers', at('w.bin', '9007199254740993')],
    ['a short length', at('w.bin', '0', '8')],
    ['a long length', at('w.bin', '0', '32')],
    ['a length of zero', at('w.bin', '0', '0')],
    ['a backslash', at('back\\slash.bin')],
    ['a way up of Windows', at('..\\outside.bin')],
    ['a drive', at('C:\\x.bin')],
    ['a NUL', at('w.bin\0x')],
    ['a line feed at the end', at('w.bin\n')],
    ["a runtime's memory", at('#mem')],
    ['a URL', at('file:///etc/passwd')],
    ['a device', at('/dev/zero')],
    ["a runtime's address", at('*/_ORT_MEM_ADDR_/*', '140000000000000')],
    ['the model file itself', at('model.onnx')],
    ['an unknown key', [...at('w.bin'), ['setattr_evil', 'x']]],
    ['a second location', [...at('w.bin'), ['location', '../outside.bin']]],
    ['a second location that is fine', [...at('../outside.bin'), ['location', 'w.bin']]],
    ['a second offset', [...at('w.bin'), ['offset', '0']]],
  ] satisfies [string, Entries][])('may not be %s', async (_, entries) => {
    expect(await verdict(addModel(entries))).toBe('ONNX_INVALID');
  });

  test.each(['nope.bin', 'sub', 'w.bin_'])('is missed when there is no file %s', async (name) => {
    expect(await verdict(addModel(at(name)))).toBe('INPUT_MISSING');
  });

  test.each([
    ['bytes of its own as well', at('w.bin'), { raw_data: new Uint8Array(16) }],
    [
      'no word that it is external',
      at('w.bin'),
      { data_location: 0, raw_data: new Uint8Array(16) },
    ],
    ['too few bytes of its own', [], { data_location: 0, raw_data: new Uint8Array(15) }],
    ['too many bytes of its own', [], { data_location: 0, raw_data: new Uint8Array(17) }],
    ['no bytes at all', [], { data_location: 0 }],
    ['a negative dimension', at('w.bin'), { dims: [-4] }],
    ['two negative dimensions', at('w.bin'), { dims: [-2, -2] }],
    ['a huge shape', at('w.bin', '0', '0'), { dims: [2 ** 62, 2 ** 62, 0] }],
    ['an element type that is not written', at('w.bin'), { data_type: 8 }],
  ] satisfies [string, Entries, onnx.TensorProto.$Properties][])(
    'does not help a tensor with %s',
    async (_, entries, tensor) => {
      expect(await verdict(addModel(entries, tensor))).toBe('ONNX_INVALID');
    },
  );
});
