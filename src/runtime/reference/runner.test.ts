import { expect, test } from 'vitest';
import { activations } from '../../../ops/activations.ts';
import { failureOf } from '../../../test/output.ts';
import { must } from '../../../test/must.ts';
import type { Tensor } from '../../base/tensors.ts';
import { float, int } from '../../ir/attributes.ts';
import { Builder } from '../../ir/builder.ts';
import { fusedDomain, type Graph, type Model, type Node } from '../../ir/graph.ts';
import { openReference } from './runner.ts';

const float32 = (
  name: string,
  ...shape: readonly (string | number)[]
): Graph['inputs'][number] => ({
  name,
  type: { dtype: 'float32', shape },
});

function modelOf(nodes: readonly Node[], more: Partial<Graph> = {}, opset = 21): Model {
  return {
    irVersion: 10,
    opsets: { '': opset, [fusedDomain]: 1 },
    producer: { name: 'test', version: '0' },
    graph: {
      name: 'test',
      inputs: [float32('x', 'batch', 2), float32('y', 'batch', 2)],
      outputs: [float32('z', 'batch', 2)],
      initializers: [],
      nodes,
      values: [],
      ...more,
    },
    functions: [],
    metadata: {},
  };
}

function node(op: string, inputs: readonly string[], more: Partial<Node> = {}): Node {
  return { domain: '', op, inputs, outputs: ['z'], attributes: {}, ...more };
}

const noWeights = (): Promise<never> => Promise.reject(new Error('no weights'));
const matrix = (...entries: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape: [entries.length / 2, 2],
  data: Float32Array.from(entries),
});

const add = modelOf([node('Add', ['x', 'y'])]);

test('runs a graph, and says what it takes and gives', async () => {
  const runner = await openReference(add, noWeights);
  expect([...runner.inputs.keys()]).toEqual(['x', 'y']);
  expect(runner.outputs).toEqual(['z']);
  const results = await runner.run({ x: matrix(1, 2), y: matrix(0.5, -2) });
  expect(results).toEqual(new Map([['z', matrix(1.5, 0)]]));
  await runner.close();
});

test.each([...activations])('%s, as its nodes say, is what its formula says', async (_, one) => {
  const b = new Builder();
  const z = one.nodes(b, 'x', { gelu: 'node' });
  const graph = { inputs: [float32('x', 'n')], outputs: [float32(z, 'n')] };
  const runner = await openReference(modelOf(b.nodes, graph), noWeights);
  const data = new Float32Array(201).map((_zero, i) => (i - 100) / 8);
  const results = await runner.run({ x: { dtype: 'float32', shape: [data.length], data } });
  for (const [i, value] of must(results.get(z), 'output').data.entries()) {
    const wanted = one.apply(data[i] ?? 0);
    // The constants of the nodes are float32.
    expect(Math.abs(Number(value) - wanted)).toBeLessThan(1e-6 * (1 + Math.abs(wanted)));
  }
});

test('fused operators are computed by their references, in double precision', async () => {
  const norm = node('SkipLayerNorm', ['x', 'y', 'gamma'], {
    domain: fusedDomain,
    outputs: ['z', 'sum'],
    attributes: { epsilon: float(0) },
  });
  const model = modelOf([norm, node('Sub', ['sum', 'y'], { outputs: ['back'] })], {
    outputs: [float32('z', 'batch', 2), float32('back', 'batch', 2)],
    initializers: [
      {
        name: 'gamma',
        type: { dtype: 'float32', shape: [2] },
        recipe: { kind: 'values', values: [1, 1] },
      },
    ],
  });
  const runner = await openReference(model, async ({ type }) => ({
    shape: type.shape,
    data: Float32Array.of(2, 3),
  }));
  const results = await runner.run({ x: matrix(1, 2), y: matrix(2 ** 30, 2 ** 30) });
  expect(results.get('z')).toEqual(matrix(-2, 3));
  expect(results.get('back')).toEqual(matrix(1, 2)); // in float32 the ones would be lost
});

test.each([
  ['an operator of ONNX', node('Einsum', ['x']), 'Einsum'],
  ['a name that objects have', node('toString', ['x']), 'toString'],
  ['a fused operator', node('Fused', ['x'], { domain: fusedDomain }), 'Fused'],
  ['an operator of ONNX Runtime', node('FastGelu', ['x'], { domain: 'com.microsoft' }), 'FastGelu'],
  ['an attribute', node('Gemm', ['x', 'y'], { attributes: { transA: int(1) } }), 'transA'],
])('refuses %s it does not know before it reads a weight', async (_, unknown, name) => {
  const model = modelOf([node('Add', ['x', 'y'], { outputs: ['w'] }), unknown]);
  const error = await failureOf(openReference(model, noWeights));
  expect(error.code).toBe('UNSUPPORTED_OPERATOR');
  expect(error.message).toContain('node=z');
  expect(error.message).toContain(`=${name}`);
});

test.each([20, 25])('refuses opset %i, whose operators may mean something else', async (opset) => {
  const model = modelOf([node('Add', ['x', 'y'])], {}, opset);
  const error = await failureOf(openReference(model, noWeights));
  expect(error.code).toBe('UNSUPPORTED_OPERATOR');
  expect(error.where).toEqual({ opset });
});

test.each([
  ['a node reads', modelOf([node('Add', ['x', 'ghost'])])],
  ['the graph returns', modelOf([], { outputs: [float32('ghost')] })],
])('refuses a value that %s and nothing makes', async (_, model) => {
  const error = await failureOf(openReference(model, noWeights));
  expect(error.code).toBe('ONNX_INVALID');
  expect(error.where).toEqual({ value: 'ghost' });
});

const [x, y] = [matrix(1, 2, 3, 4), matrix(1, 2, 3, 4)];

test.each([
  ['an input is missing', { x }, 'input=y'],
  ['an input is unknown', { x, y, w: x }, 'input=w'],
  ['a dtype is another', { x, y: { ...y, dtype: 'float64' } }, 'float64 2×2'],
  ['a size is another', { x, y: { ...y, shape: [1, 4] } }, '1×4'],
  ['a rank is another', { x, y: { ...y, shape: [4] } }, 'got=float32 4'],
  ['one name has two sizes', { x, y: matrix(1, 2) }, '1×2'],
  ['there are fewer numbers than the shape says', { x, y: { ...y, shape: [3, 2] } }, '3×2'],
] as const)('refuses feeds where %s', async (_, feeds, message) => {
  const runner = await openReference(add, noWeights);
  const error = await failureOf(runner.run(feeds));
  expect(error.code).toBe('RUNTIME_FAILED');
  expect(error.message).toContain(message);
});

test('takes a list of one where the model declares a scalar', async () => {
  const inputs = [float32('x', 'batch', 2), float32('y')];
  const runner = await openReference(modelOf([node('Add', ['x', 'y'])], { inputs }), noWeights);
  const one: Tensor = { dtype: 'float32', shape: [1], data: Float32Array.of(1) };
  expect((await runner.run({ x, y: one })).get('z')).toEqual(matrix(2, 3, 4, 5));
  await expect(runner.run({ x, y: matrix(1, 2) })).rejects.toThrow('input=y');
});

test('names the node whose inputs do not fit', async () => {
  const inputs = [float32('x', 'batch', 2), float32('y', 'other', 2)];
  const runner = await openReference(modelOf([node('MatMul', ['x', 'y'])], { inputs }), noWeights);
  const error = await failureOf(runner.run({ x, y: matrix(1, 2, 3, 4, 5, 6) }));
  expect(error.code).toBe('RUNTIME_FAILED');
  expect(error.message).toBe('2×2 times 3×2 (node=z, operator=MatMul)');
});

test('refuses a model whose output has another dtype than it declares', async () => {
  const runner = await openReference(modelOf([node('Equal', ['x', 'y'])]), noWeights);
  const error = await failureOf(runner.run({ x, y }));
  expect(error.code).toBe('ONNX_INVALID');
  expect(error.where).toEqual({ output: 'z', declared: 'float32', computed: 'bool' });
});
