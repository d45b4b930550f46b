import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../base/errors.ts';
import { fields, pickle, text } from '../../test/torch-archive.ts';
import { unpickle, type PickleValue } from './pickle.ts';
import { stateDictMeaning } from './torch-objects.ts';

const proto = pickle(0x80, 2);

function run(...parts: readonly (string | number | Uint8Array)[]): PickleValue {
  return unpickle(pickle(proto, ...parts), 'x.bin', stateDictMeaning('x.bin'));
}

function messageOf(...parts: readonly (string | number | Uint8Array)[]): string {
  try {
    run(...parts);
    return 'accepted';
  } catch (error) {
    if (error instanceof ToolkitError && error.code === 'TORCH_PICKLE') return error.message;
    throw error;
  }
}

describe('a pickle of plain values', () => {
  test.each<[string, PickleValue, Uint8Array]>([
    ['None', null, pickle('N')],
    ['booleans', [true, false], pickle(0x88, 0x89, 0x86)],
    [
      'small integers',
      [200, 60_000, -2],
      pickle('K', 200, 'M', fields([2, 60_000]), 'J', 254, 255, 255, 255, 0x87),
    ],
    ['a long', 2 ** 40, pickle(0x8a, 6, fields([6, 2 ** 40]))],
    ['a negative long', -1, pickle(0x8a, 1, 255)],
    ['an empty long', 0, pickle(0x8a, 0)],
    ['a float', 1.5, pickle('G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)],
    ['a text', 'é', text('é')],
    ['a list', [1, 2, 3], pickle(']K', 1, 'a(K', 2, 'K', 3, 'e')],
    [
      'a dict',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      pickle('}', text('a'), 'K', 1, 's(', text('b'), 'K', 2, 'u'),
    ],
    [
      'a remembered value',
      ['a', 'a', 'a'],
      pickle(text('a'), 'q', 0, 'h', 0, 'r', fields([4, 900]), 'j', fields([4, 900]), 0x87),
    ],
    ['an OrderedDict with attributes', new Map(), pickle('ccollections\nOrderedDict\n)R}b')],
    ['a size', [2], pickle('ctorch\nSize\nK', 2, 0x85, 0x85, 'R')],
  ])('gives %s', (_name, expected, body) => {
    expect(run(body, '.')).toEqual(expected);
  });
});

describe('a pickle that reaches out', () => {
  test.each([
    ['os.system', 'cos\nsystem\n(Vecho\ntR.', 'global=os.system'],
    ['posix.system', 'cposix\nsystem\n.', 'global=posix.system'],
    ['builtins.eval', 'cbuiltins\neval\n.', 'global=builtins.eval'],
    ['a function of torch', 'ctorch\nload\n.', 'global=torch.load'],
    [
      'a dotted way out of an allowed name',
      'ctorch._utils\n_rebuild_tensor_v2.__globals__\n.',
      '__globals__',
    ],
    ['a prototype', 'c__proto__\nconstructor\n.', 'global=__proto__.constructor'],
  ])('for %s is refused by name', (_name, body, named) => {
    expect(messageOf(body)).toContain(named);
  });

  test('by calling a type of storage is refused', () => {
    expect(messageOf('ctorch\nFloatStorage\n)R.')).toContain('call=torch.FloatStorage');
  });

  test('by calling a value is refused', () => {
    expect(messageOf('}', ')R.')).toContain('call=a value');
  });

  test('by an opcode that builds instances is refused', () => {
    expect(messageOf('ccollections\nOrderedDict\n)', 0x81, '.')).toContain('opcode=0x81'); // NEWOBJ
    expect(messageOf('(icollections\nOrderedDict\n.')).toContain('opcode=0x69'); // INST
    expect(messageOf(0x82, 1, '.')).toContain('opcode=0x82'); // EXT1
    expect(messageOf(text('os'), text('system'), 0x93, '.')).toContain('opcode=0x93'); // STACK_GLOBAL
  });
});

describe('a broken pickle', () => {
  test.each([
    ['nothing at all', '', 'in the middle'],
    ['an empty stack', '.', 'operands'],
    ['two values', 'NN.', 'single value'],
    ['bytes after its end', 'N.N', 'single value'],
    ['an open mark', 'N(.', 'operands'],
    ['no mark', 'Nt.', 'mark'],
    ['operands below a mark', 'N(\x85.', 'operands'],
    ['a memo that was never set', 'h\x07.', 'remembered'],
    ['a memo of nothing', 'q\x07.', 'operands'],
    ['a key without value', '}(Nu.', 'value'],
    ['a key that is no string', '}NNs.', 'string'],
    ['a key twice', '}(X\x01\0\0\0aNX\x01\0\0\0aNu.', 'twice'],
    ['items of a list that is none', 'NNNs.', 'dict'],
    ['appending to a tuple', ')Na.', 'list'],
    ['attributes of a number', 'K\x01}b.', 'dict'],
    ['arguments that are no tuple', 'ccollections\nOrderedDict\nNR.', 'tuple'],
    [
      'arguments of another function',
      'ctorch._utils\n_rebuild_tensor_v2\n)R.',
      'unknown arguments',
    ],
    ['a reference that is no storage', 'NQ.', 'storage'],
    ['a name without end', 'cos', 'in the middle'],
  ])('with %s is refused', (_name, body, rule) => {
    const bytes = Uint8Array.from(body, (char) => char.charCodeAt(0));
    expect(messageOf(bytes)).toContain(rule);
  });

  test('of another protocol is refused by its number', () => {
    expect(() => unpickle(pickle(0x80, 4, 'N.'), 'x.bin', stateDictMeaning('x.bin'))).toThrow(
      'protocol=4',
    );
  });

  test('with a huge long or text is refused before any memory is taken', () => {
    expect(messageOf(0x8a, 255, new Uint8Array(255).fill(127), '.')).toContain('2^53');
    expect(messageOf(0x8b, fields([4, 2 ** 31 - 1]), '.')).toContain('opcode=0x8b'); // LONG4
    expect(messageOf('X', fields([4, 2 ** 32 - 1]), 'a.')).toContain('in the middle');
    expect(messageOf('X', fields([4, 1]), 0xff, '.')).toContain('UTF-8');
  });

  test('that nests or makes values without end is refused', () => {
    expect(messageOf('('.repeat(200_000))).toContain('too many');
    expect(messageOf('N'.repeat(200_000))).toContain('too many');
    expect(messageOf(']', ')a'.repeat(2_000_001), '.')).toContain('more values than');
  });

  test('that holds itself is a value like another', () => {
    const list = run(']q', 0, 'h', 0, 'a.');
    expect(Array.isArray(list) && list[0] === list).toBe(true);
  });

  test('that nests a hundred thousand lists is read without deep calls', () => {
    expect(Array.isArray(run(']'.repeat(90_000), 'a'.repeat(89_999), '.'))).toBe(true);
  });
});
