import { describe, expect, test } from 'vitest';
import { typeOf } from '../../test/infer-node.ts';
import type { TensorType } from '../base/tensors.ts';
import { branch, int, ints, ref } from './attributes.ts';
import { fact, type Fact } from './facts.ts';
import { type Attributes, fusedDomain, type FunctionDef, type Node } from './graph.ts';
import { type FusedRule, inferFunction, inferNodes, initializerFact } from './infer.ts';
import { printType } from './print.ts';

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = '',
): Node {
  return { domain, op, inputs, outputs, attributes };
}

const widen: FusedRule = ({ inputs: [x], attributes: { by } }) => [
  { dtype: x?.dtype ?? 'bool', shape: [...(x?.shape ?? []), by?.kind === 'int' ? by.value : null] },
];
const fused = new Map([['Widen', widen]]);

function given(types: Readonly<Record<string, string>>): ReadonlyMap<string, Fact> {
  return new Map(
    Object.entries(types).map(([name, text]) => {
      const { dtype, shape } = typeOf(text);
      return [name, fact(dtype, shape)];
    }),
  );
}

/** The type of a value, after all nodes. */
function typed(
  nodes: readonly Node[],
  inputs: Readonly<Record<string, string>>,
  output: string,
  asserted: ReadonlyMap<string, TensorType> = new Map(),
): string {
  const facts = inferNodes(nodes, given(inputs), { fused, asserted, where: 'test' });
  const found = facts.get(output);
  return found ? printType(found.type) : 'nothing';
}

describe('nodes', () => {
  test('carry a shape through arithmetic on it', () => {
    const nodes = [
      node('Shape', ['x'], ['batch'], { start: int(0), end: int(1) }),
      node('Shape', ['x'], ['width'], { start: int(-1) }),
      node('Add', ['width', 'width'], ['double']),
      node('Concat', ['batch', 'double'], ['target'], { axis: int(0) }),
      node('Reshape', ['x', 'target'], ['y']),
    ];
    expect(typed(nodes, { x: 'float32 b×2×3' }, 'y')).toBe('float32 b×6');
  });

  test('of the fused domain are typed by their operator', () => {
    const nodes = [node('Widen', ['x'], ['y'], { by: int(5) }, fusedDomain)];
    expect(typed(nodes, { x: 'float16 b' }, 'y')).toBe('float16 b×5');
  });

  test('of an operator that nobody knows are refused', () => {
    const nodes = [node('Shrink', ['x'], ['y'], {}, fusedDomain)];
    expect(() => typed(nodes, { x: 'float16 b' }, 'y')).toThrow(
      /Shrink: no such operator in domain 'ai.modernbert'/,
    );
  });

  test('of a fused operator have all their inputs', () => {
    const nodes = [node('Widen', [''], ['y'], {}, fusedDomain)];
    expect(() => typed(nodes, {}, 'y')).toThrow(/input 0 is read and nothing produces it/);
  });

  test('give no type to an output that is left out', () => {
    const nodes = [node('Split', ['x'], ['', 'y'], { axis: int(0) })];
    expect(typed(nodes, { x: 'float32 6' }, 'y')).toBe('float32 3');
    expect(typed(nodes, { x: 'float32 6' }, '')).toBe('nothing');
  });
});

describe('what the author vouches for', () => {
  const nodes = [node('Slice', ['x', 'from', 'to', 'axes'], ['y'])];
  const inputs = { x: 'float32 b×s', from: 'int64 1', to: 'int64 1', axes: 'int64 1' };
  const facts = (): ReadonlyMap<string, Fact> =>
    new Map([...given(inputs), ['axes', fact('int64', [1], [1])] as const]);
  const typeWith = (type: string): string => {
    const asserted = new Map([['y', typeOf(type)]]);
    const found = inferNodes(nodes, facts(), { fused, asserted, where: 'test' }).get('y');
    return found ? printType(found.type) : 'nothing';
  };

  test('is added to what follows', () => {
    expect(typeWith('float32 b×kept')).toBe('float32 b×kept');
    expect(typeWith('float32 rows×7')).toBe('float32 rows×7');
  });

  test.each([
    ['float16 b×kept', /y is float32, not float16/],
    ['float32 b×kept×1', /rank 2 is not 3/],
  ])('does not overrule it: %s', (type, rule) => {
    expect(() => typeWith(type)).toThrow(rule);
  });

  test('does not overrule a size', () => {
    const relu = [node('Relu', ['x'], ['y'])];
    const asserted = new Map([['y', typeOf('float32 5')]]);
    expect(() => typed(relu, { x: 'float32 4' }, 'y', asserted)).toThrow(/y: 4 is not 5/);
  });
});

describe('If', () => {
  const choose = (
    then: string,
    otherwise: string,
    types: Readonly<Record<string, string>>,
  ): string => {
    const attributes = {
      then_branch: branch({ name: 'a', nodes: [node('Relu', [then], ['p'])], outputs: ['p'] }),
      else_branch: branch({ name: 'b', nodes: [node('Relu', [otherwise], ['q'])], outputs: ['q'] }),
    };
    return typed([node('If', ['c'], ['y'], attributes)], { c: 'bool scalar', ...types }, 'y');
  };

  test('says what holds whichever branch is taken', () => {
    expect(choose('m', 'n', { m: 'float32 b×4×s', n: 'float32 b×5×s' })).toBe('float32 b×?×s');
  });

  test.each([
    ['float32 b×4', 'float16 b×4', /branches of unequal dtype/],
    ['float32 b×4', 'float32 b', /branches of unequal rank/],
  ])('refuses branches of %s and %s', (m, n, rule) => {
    expect(() => choose('m', 'n', { m, n })).toThrow(rule);
  });

  test('refuses branches of unequal length, and a missing one', () => {
    const one = branch({ name: 'a', nodes: [], outputs: ['c'] });
    const two = branch({ name: 'b', nodes: [], outputs: ['c', 'c'] });
    const typeWith = (attributes: Attributes): string =>
      typed([node('If', ['c'], ['y'], attributes)], { c: 'bool scalar' }, 'y');
    expect(() => typeWith({ then_branch: one, else_branch: two })).toThrow(/unequal length/);
    expect(() => typeWith({ then_branch: one })).toThrow(/If without else_branch/);
  });
});

describe('a function', () => {
  const body: FunctionDef = {
    domain: fusedDomain,
    name: 'Widen',
    doc: '',
    inputs: ['x'],
    outputs: ['y', 'n'],
    attributes: ['by'],
    nodes: [
      node('Constant', [], ['n'], { value_int: ref('by', 'int') }),
      node('Constant', [], ['last'], { value_ints: ints(-1) }),
      node('Unsqueeze', ['n', 'last'], ['times']),
      node('ConstantOfShape', ['times'], ['y']),
    ],
    opsets: { '': 21 },
  };

  test('is typed with the attributes of its caller', () => {
    const [y, n] = inferFunction(body, [fact('float32', ['b'])], { by: int(6) }, fused);
    expect(y && printType(y.type)).toBe('float32 6');
    expect(n?.entries).toEqual([6]);
  });

  test('finds the attributes of its caller inside a branch', () => {
    const inner = { name: 'a', nodes: body.nodes.slice(0, 1), outputs: ['n'] };
    const attributes = { then_branch: branch(inner), else_branch: branch(inner) };
    const nodes = [node('If', ['x'], ['y'], attributes), ...body.nodes.slice(0, 1)];
    const [y] = inferFunction({ ...body, nodes }, [fact('bool', [])], { by: int(6) }, fused);
    expect(y && printType(y.type)).toBe('int64 scalar');
  });

  test('needs its inputs, its outputs and its attributes', () => {
    const inputs = [fact('float32', ['b'])];
    const silent = { ...body, nodes: [] };
    expect(() => inferFunction(body, [], { by: int(6) }, fused)).toThrow(/Widen: x is read/);
    expect(() => inferFunction(silent, inputs, { by: int(6) }, fused)).toThrow(/Widen: y is read/);
    expect(() => inferFunction(body, inputs, {}, fused)).toThrow(/attribute by is read/);
  });
});

describe('an initializer', () => {
  test('is known by its values where they stand in the graph', () => {
    const type = { dtype: 'int64', shape: [2] } as const;
    const values = initializerFact({
      name: 'v',
      type,
      recipe: { kind: 'values', values: [3, -1] },
    });
    expect(values.entries).toEqual([3, -1]);
    const recipe = { kind: 'stored', location: '', offset: 0, length: 16 } as const;
    expect(initializerFact({ name: 'v', type, recipe })).toEqual({ type });
  });
});
