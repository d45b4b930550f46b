import { describe, expect, test } from 'vitest';
import { typeOf } from '../../test/infer-node.ts';
import { constant } from './attributes.ts';
import { Builder } from './builder.ts';
import { countNodes } from './count.ts';
import { finish, typed } from './finish.ts';
import type { Graph, Value } from './graph.ts';
import { printType } from './print.ts';

const value = (name: string, type: string): Value => ({ name, type: typeOf(type) });

/** y = relu(x · 2) + 1, with an initializer that nothing reads. */
function build(): Graph {
  const b = new Builder();
  b.int64([1, 2]);
  const doubled = b.op('Mul', ['x', b.constant(constant('float32', 2), 'two')], { as: 'doubled' });
  const type = typeOf('float32 batch×4');
  const positive = b.op('Relu', [doubled], { as: 'positive', type });
  b.op('Add', [positive, b.constant(constant('float32', 1), 'one')], { as: 'y' });
  return finish('g', b, [value('x', 'float32 b×4')], [value('y', 'float32 batch×?')], new Map());
}

describe('a finished graph', () => {
  test('has a type for every value between inputs and outputs, in their order', () => {
    expect(build().values.map(({ name, type }) => `${name}: ${printType(type)}`)).toEqual([
      'two: float32 scalar',
      'doubled: float32 b×4',
      'positive: float32 batch×4',
      'one: float32 scalar',
    ]);
  });

  test('leaves out initializers that no node reads', () => {
    expect(build().initializers).toEqual([]);
  });

  test('keeps its outputs as they are declared', () => {
    expect(build().outputs).toEqual([value('y', 'float32 batch×?')]);
  });

  test('fails where an output is declared wrongly', () => {
    const graph = build();
    const outputs = [value('y', 'float32 batch×5')];
    expect(() => typed({ ...graph, outputs }, new Map())).toThrow(/y: 4 is not 5/);
  });
});

test('nodes are counted, and those from one attention to the next', () => {
  const ops = ['Gather', 'FusedAttention', 'MatMul', 'GeGLU', 'FusedAttention', 'MatMul'];
  const nodes = ops.map((op) => ({ domain: '', op, inputs: [], outputs: [], attributes: {} }));
  expect(countNodes({ ...build(), nodes })).toEqual({
    total: 6,
    perLayer: 3,
    byOp: { Gather: 1, FusedAttention: 2, MatMul: 2, GeGLU: 1 },
  });
});
