import { describe, expect, test } from 'vitest';
import { typeOf } from '../../test/infer-node.ts';
import { ToolkitError } from '../base/errors.ts';
import { branch, int, ref } from './attributes.ts';
import { checkGraph, checkModel } from './check.ts';
import {
  type Attributes,
  fusedDomain,
  type FunctionDef,
  type Graph,
  type Model,
  type Node,
  type Value,
} from './graph.ts';
import type { FusedRule } from './infer.ts';

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { attributes = {}, domain = '' }: { attributes?: Attributes; domain?: string } = {},
): Node {
  return { domain, op, inputs, outputs, attributes };
}

const value = (name: string, type: string): Value => ({ name, type: typeOf(type) });

/** Repeats the last axis; its width says how often. */
const repeat: FusedRule = ({ inputs: [x], attributes: { times } }) => {
  const width = x?.shape.at(-1);
  const factor = times?.kind === 'int' ? times.value : Number.NaN;
  const last = typeof width === 'number' ? width * factor : null;
  return [{ dtype: x?.dtype ?? 'float32', shape: [...(x?.shape.slice(0, -1) ?? []), last] }];
};
const fused = new Map([['Repeat', repeat]]);

const body: FunctionDef = {
  domain: fusedDomain,
  name: 'Repeat',
  doc: 'x and x again',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['times'],
  nodes: [node('Concat', ['x', 'x'], ['y'], { attributes: { axis: int(-1) } })],
  opsets: { '': 21 },
};

const call = node('Repeat', ['h'], ['r'], { domain: fusedDomain, attributes: { times: int(2) } });

const graph: Graph = {
  name: 'sound',
  inputs: [value('x', 'float32 b×4')],
  outputs: [value('y', 'float32 b×12')],
  initializers: [
    {
      name: 'w',
      type: { dtype: 'float32', shape: [4, 6] },
      recipe: { kind: 'weight', tensors: ['w'], transpose: false },
    },
  ],
  nodes: [node('MatMul', ['x', 'w'], ['h']), call, node('Relu', ['r'], ['y'])],
  values: [value('h', 'float32 b×6'), value('r', 'float32 b×12')],
};

const model: Model = {
  irVersion: 10,
  opsets: { '': 21, [fusedDomain]: 1 },
  producer: { name: 'test', version: '0' },
  graph,
  functions: [body],
  metadata: {},
};

/** The rule that a changed model breaks. */
function broken(changes: Partial<Graph>, others: Partial<Model> = {}): string {
  const changed = { ...model, graph: { ...graph, ...changes }, ...others };
  try {
    checkModel(changed, fused);
  } catch (error) {
    if (error instanceof ToolkitError && error.code === 'GRAPH_INVALID') return error.message;
    throw error;
  }
  return 'no rule';
}

/** The body with other nodes. */
const withNodes = (...nodes: readonly Node[]): readonly FunctionDef[] => [{ ...body, nodes }];

test('a sound model breaks no rule', () => {
  expect(broken({})).toBe('no rule');
  expect(() => checkGraph(graph, fused)).not.toThrow();
});

describe('single assignment', () => {
  test('a value that two nodes produce', () => {
    const nodes = [...graph.nodes, node('Relu', ['x'], ['h'])];
    expect(broken({ nodes })).toBe('value h has two producers (graph=sound)');
  });

  test('an input that a node produces', () => {
    const nodes = [node('Relu', ['w'], ['x']), ...graph.nodes];
    expect(broken({ nodes })).toMatch('value x has two producers');
  });

  test('an initializer of the name of an input', () => {
    const initializers = graph.initializers.map((each) => ({ ...each, name: 'x' }));
    expect(broken({ initializers })).toMatch('value x has two producers');
  });

  test('a value in a branch of the name of one around it', () => {
    const inner = { name: 'then', nodes: [node('Identity', ['x'], ['h'])], outputs: ['h'] };
    const both = { then_branch: branch(inner), else_branch: branch(inner) };
    const nodes = [...graph.nodes, node('If', ['y'], ['z'], { attributes: both })];
    expect(broken({ nodes })).toMatch('value h has two producers');
  });

  test('an output left out has no producer to be unique', () => {
    const split = node('Split', ['x'], ['', ''], { attributes: { axis: int(1) } });
    expect(broken({ nodes: [split, split, ...graph.nodes] })).toBe('no rule');
  });
});

describe('order', () => {
  test('a value that is read before it is produced', () => {
    const nodes = graph.nodes.toReversed();
    expect(broken({ nodes })).toBe('Relu reads r before anything produces it (graph=sound)');
  });

  test('a value that nothing produces', () => {
    expect(broken({ nodes: graph.nodes.slice(0, 2) })).toMatch('output y is not produced');
  });

  test('a branch that reads what comes later', () => {
    const inner = { name: 'then', nodes: [node('Identity', ['y'], ['i'])], outputs: ['i'] };
    const attributes = { then_branch: branch(inner) };
    const nodes = [node('If', ['x'], ['z'], { attributes }), ...graph.nodes];
    expect(broken({ nodes })).toMatch('Identity reads y before anything produces it');
  });

  test('a value inside a branch that is read outside', () => {
    const inner = { name: 'then', nodes: [node('Identity', ['x'], ['i'])], outputs: ['i'] };
    const other = { name: 'else', nodes: [node('Neg', ['x'], ['j'])], outputs: ['j'] };
    const attributes = { then_branch: branch(inner), else_branch: branch(other) };
    const nodes = [node('If', ['x'], ['z'], { attributes }), node('Neg', ['i'], ['k'])];
    expect(broken({ nodes: [...nodes, ...graph.nodes] })).toMatch('sound: i is read and nothing');
  });

  test('an initializer that no node reads', () => {
    const idle = { ...graph.initializers[0], name: 'idle' } as Graph['initializers'][number];
    expect(broken({ initializers: [...graph.initializers, idle] })).toBe(
      'initializer idle is read by no node (graph=sound)',
    );
  });
});

describe('types', () => {
  test.each([
    ['a dtype', 'float16 b×6', 'value h is float32 b×6, not float16 b×6'],
    ['a size', 'float32 b×5', 'value h is float32 b×6, not float32 b×5'],
    ['a rank', 'float32 b×1×6', 'value h is float32 b×6, not float32 b×1×6'],
  ])('%s that is recorded wrongly', (_, type, message) => {
    const values = graph.values.map((each) => (each.name === 'h' ? value('h', type) : each));
    expect(broken({ values })).toMatch(message);
  });

  test('a value without a recorded type', () => {
    expect(broken({ values: graph.values.slice(1) })).toMatch('value h has no type');
  });

  test('an output that is declared wrongly', () => {
    expect(broken({ outputs: [value('y', 'float32 b×13')] })).toMatch(
      'value y is float32 b×12, not float32 b×13',
    );
  });

  test('an input whose shape does not fit', () => {
    expect(broken({ inputs: [value('x', 'float32 b×5')] })).toMatch(
      'MatMul: inner dimensions: 5 is not 4',
    );
  });

  test('an input whose dtype does not fit', () => {
    expect(broken({ inputs: [value('x', 'float16 b×4')] })).toMatch('MatMul: dtypes must be equal');
  });

  test('a name where the other has a size is no contradiction', () => {
    expect(broken({ outputs: [value('y', 'float32 b×width')] })).toBe('no rule');
  });
});

describe('functions', () => {
  test('an operator without a body', () => {
    expect(broken({}, { functions: [] })).toMatch('function Repeat has no body');
  });

  test('an operator with two bodies', () => {
    expect(broken({}, { functions: [body, body] })).toMatch('function Repeat has two bodies');
  });

  test('a body that means something else', () => {
    const nodes = withNodes(node('Identity', ['x'], ['y']));
    expect(broken({}, { functions: nodes })).toBe(
      'value Repeat.y is float32 b×6, not float32 b×12 (graph=Repeat)',
    );
  });

  test('a body that is right for one call and not for another', () => {
    const thrice = { ...call, attributes: { times: int(3) } };
    const nodes = graph.nodes.map((each) => (each === call ? thrice : each));
    const [values, outputs] = [
      [value('h', 'float32 b×6'), value('r', 'float32 b×18')],
      [value('y', 'float32 b×18')],
    ];
    expect(broken({ nodes, values, outputs })).toMatch(
      'Repeat.y is float32 b×12, not float32 b×18',
    );
  });

  test('a body that reads what it is not given', () => {
    const functions = withNodes(node('Relu', ['w'], ['y']));
    expect(broken({}, { functions })).toMatch('Relu reads w before anything produces it');
  });

  test('a body that leaves an input of the call unread', () => {
    const nodes = graph.nodes.map((each) =>
      each === call ? { ...call, inputs: ['h', 'h'] } : each,
    );
    expect(broken({ nodes })).toMatch('Repeat has 2 inputs, its body 1');
  });

  test('a body with two producers of a value', () => {
    const twice = node('Relu', ['x'], ['y']);
    expect(broken({}, { functions: withNodes(twice, twice) })).toMatch('y has two producers');
  });

  test('an attribute that the call does not give', () => {
    const constant = node('Constant', [], ['t'], {
      attributes: { value_int: ref('often', 'int') },
    });
    const functions = withNodes(constant, ...body.nodes);
    expect(broken({}, { functions })).toMatch('attribute often is read and nothing produces it');
  });
});

describe('operator sets', () => {
  test('an operator of a domain that the model does not import', () => {
    expect(broken({}, { opsets: { '': 21 } })).toBe(
      "Repeat is of domain 'ai.modernbert', which is not imported (graph=sound)",
    );
  });

  test('an operator of a domain that its function does not import', () => {
    const functions = [{ ...body, opsets: { 'com.microsoft': 1 } }];
    expect(broken({}, { functions })).toMatch("Concat is of domain '', which is not imported");
  });

  test('a function of another version than the model', () => {
    const functions = [{ ...body, opsets: { '': 24 } }];
    expect(broken({}, { functions })).toBe(
      "domain '' is of version 24 here and 21 in the model (graph=Repeat)",
    );
  });

  test('an operator inside a branch', () => {
    const nodes = [node('Identity', ['x'], ['i'], { domain: 'com.example' })];
    const attributes = { then_branch: branch({ name: 'then', nodes, outputs: ['i'] }) };
    const functions = withNodes(node('If', ['x'], ['z'], { attributes }), ...body.nodes);
    expect(broken({}, { functions })).toMatch("Identity is of domain 'com.example'");
  });
});
