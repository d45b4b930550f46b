import { describe, expect, test } from 'vitest';
import { toHalf, fromHalf } from '../base/half.ts';
import type { Task } from '../base/config.ts';
import { readConfig } from '../config/read.ts';
import { constant, elementType, tensor } from '../ir/attributes.ts';
import { checkGraph } from '../ir/check.ts';
import type { Graph } from '../ir/graph.ts';
import { buildGraph, fusedRules } from '../model/build.ts';
import { half } from './half.ts';

const { config } = readConfig(
  JSON.stringify({
    model_type: 'modernbert-decoder',
    transformers_version: '5.18.0',
    vocab_size: 96,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 64,
    pad_token_id: 3,
  }),
);

const pass = half(fusedRules);
const tasks: readonly Task[] = ['text-generation', 'text-classification', 'feature-extraction'];
const build = (task: Task): Graph =>
  buildGraph(config, { task, tied: true, numLogitsToKeep: true });

/** Name → dtype of all values that anybody sees. */
function dtypesOf({ inputs, initializers, values, outputs }: Graph): ReadonlyMap<string, string> {
  const all = [...inputs, ...initializers, ...values, ...outputs];
  return new Map(all.map(({ name, type }) => [name, type.dtype]));
}

describe.each(tasks)('in half precision, a graph for %s', (task) => {
  const before = build(task);
  const after = pass(before);
  const result = task === 'feature-extraction' ? 'last_hidden_state' : 'logits';

  test('keeps to the rules', () => {
    expect(() => checkGraph(after, fusedRules)).not.toThrow();
  });

  test('has halves where there were floats, but for its result', () => {
    const dtypes = dtypesOf(after);
    expect(dtypes.get(result)).toBe('float32');
    expect(dtypes.get(`${result}.half`)).toBe('float16');
    for (const [name, dtype] of dtypesOf(before)) {
      if (name === result) continue;
      expect(`${name} ${dtypes.get(name)}`).toBe(`${name} ${dtype.replace('float32', 'float16')}`);
    }
  });

  test('has one node more: a cast of its result', () => {
    expect(after.nodes).toHaveLength(before.nodes.length + 1);
    expect(after.nodes.at(-1)).toEqual({
      domain: '',
      op: 'Cast',
      inputs: [`${result}.half`],
      outputs: [result],
      attributes: { to: elementType('float32') },
    });
  });

  test('keeps names of dimensions', () => {
    const shapes = (graph: Graph): ReadonlyMap<string, unknown> =>
      new Map([...graph.values, ...graph.outputs].map(({ name, type }) => [name, type.shape]));
    expect(shapes(after)).toEqual(
      new Map([...shapes(before), [`${result}.half`, shapes(before).get(result)]]),
    );
  });

  test('is what it is: a second time changes nothing', () => {
    expect(pass(after)).toBe(after);
  });

  test('leaves the graph it is made of as it was', () => {
    expect(before).toEqual(build(task));
  });
});

test('recipes stay: what weights are made of does not depend on the dtype', () => {
  const [before, after] = [build('text-generation'), pass(build('text-generation'))];
  expect(after.initializers.map(({ name, recipe }) => [name, recipe])).toEqual(
    before.initializers.map(({ name, recipe }) => [name, recipe]),
  );
});

test('constants are rounded', () => {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', type: { dtype: 'float32', shape: [2] } }],
    outputs: [{ name: 'y', type: { dtype: 'float32', shape: [2] } }],
    initializers: [],
    nodes: [
      {
        domain: '',
        op: 'Constant',
        inputs: [],
        outputs: ['third'],
        attributes: { value: tensor(constant('float32', 1 / 3)) },
      },
      { domain: '', op: 'Mul', inputs: ['x', 'third'], outputs: ['y'], attributes: {} },
    ],
    values: [{ name: 'third', type: { dtype: 'float32', shape: [] } }],
  };
  const { nodes, outputs } = pass(graph);
  expect(nodes[0]?.attributes['value']).toEqual(
    tensor({ dtype: 'float16', shape: [], values: [fromHalf(toHalf(1 / 3))] }),
  );
  expect(outputs[0]?.type.dtype).toBe('float16'); // it has no name that a caller reads numbers by
});

test('a graph without floats is returned as it is', () => {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', type: { dtype: 'int64', shape: [2] } }],
    outputs: [{ name: 'y', type: { dtype: 'int64', shape: [2] } }],
    initializers: [],
    nodes: [{ domain: '', op: 'Neg', inputs: ['x'], outputs: ['y'], attributes: {} }],
    values: [],
  };
  expect(pass(graph)).toBe(graph);
});
