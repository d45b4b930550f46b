import { describe, expect, test } from 'vitest';
import { constant, int } from './attributes.ts';
import { Builder } from './builder.ts';
import { fusedDomain, type Initializer } from './graph.ts';

const weight: Initializer = {
  name: 'w',
  type: { dtype: 'float32', shape: [4] },
  recipe: { kind: 'weight', tensors: ['w'], transpose: false },
};

describe('a builder', () => {
  test('records nodes in order and names their outputs', () => {
    const b = new Builder();
    const sum = b.op('Add', ['x', 'y']);
    const again = b.op('Add', [sum, 'y'], { attributes: { axis: int(1) }, domain: fusedDomain });
    const named = b.op('Add', [again, 'y'], { as: 'sum' });
    expect([sum, again, named]).toEqual(['Add', 'Add_1', 'sum']);
    expect(b.nodes).toEqual([
      { domain: '', op: 'Add', inputs: ['x', 'y'], outputs: ['Add'], attributes: {} },
      {
        domain: fusedDomain,
        op: 'Add',
        inputs: ['Add', 'y'],
        outputs: ['Add_1'],
        attributes: { axis: int(1) },
      },
      { domain: '', op: 'Add', inputs: ['Add_1', 'y'], outputs: ['sum'], attributes: {} },
    ]);
  });

  test('gives no name twice, whoever took it', () => {
    const b = new Builder();
    b.node('Split', ['x'], ['Add', 'Add_1', '']);
    b.initializer({ ...weight, name: 'Add_2' });
    expect(b.op('Add', ['x', 'y'])).toBe('Add_3');
    expect(b.split('x', 2, 0, 'Add')).toEqual(['Add_4', 'Add_5']);
  });

  test('keeps the types that its author vouches for', () => {
    const b = new Builder();
    const type = { dtype: 'int64', shape: ['batch', 'kept'] } as const;
    const name = b.op('Slice', ['x'], { type });
    expect([...b.asserted]).toEqual([[name, type]]);
  });

  test('takes an initializer once', () => {
    const b = new Builder();
    expect([b.initializer(weight), b.initializer({ ...weight })]).toEqual(['w', 'w']);
    expect(b.initializers).toEqual([weight]);
  });

  test('shares integers, and tells a scalar from a list of one', () => {
    const b = new Builder();
    expect([b.int64(0), b.int64([0]), b.int64(0), b.int64([-1, 64])]).toEqual([
      'int_0',
      'ints_0',
      'int_0',
      'ints_minus1_64',
    ]);
    expect(b.initializers.map(({ type, recipe }) => [type.shape, recipe])).toEqual([
      [[], { kind: 'values', values: [0] }],
      [[1], { kind: 'values', values: [0] }],
      [[2], { kind: 'values', values: [-1, 64] }],
    ]);
  });

  test('shares constants that are equal in every way', () => {
    const b = new Builder();
    const one = b.constant(constant('float32', 1), 'one');
    expect(b.constant(constant('float32', 1), 'uno')).toBe(one);
    expect(b.constant(constant('float32', [1]))).not.toBe(one);
    expect(b.constant(constant('int64', 1))).not.toBe(one);
    expect(b.nodes).toHaveLength(3);
  });

  test('splits into equal parts', () => {
    const b = new Builder();
    expect(b.split('x', 3, -1)).toEqual(['Split', 'Split_1', 'Split_2']);
    expect(b.nodes[0]?.attributes).toEqual({ axis: int(-1), num_outputs: int(3) });
  });

  test('records a branch apart, and its constants outside', () => {
    const b = new Builder();
    b.op('Neg', ['x'], { as: 'before' });
    const branch = b.branch('then', () => {
      const two = b.constant(constant('float32', 2), 'two');
      return [b.op('Mul', ['before', two], { as: 'doubled' })];
    });
    expect(branch.outputs).toEqual(['doubled']);
    expect(branch.nodes.map(({ outputs }) => outputs)).toEqual([['doubled']]);
    expect(b.nodes.map(({ outputs }) => outputs)).toEqual([['before'], ['two']]);

    b.if('c', ['y'], branch, branch);
    expect(b.nodes.at(-1)).toMatchObject({
      op: 'If',
      inputs: ['c'],
      outputs: ['y'],
      attributes: { then_branch: { kind: 'graph', value: branch } },
    });
  });
});
