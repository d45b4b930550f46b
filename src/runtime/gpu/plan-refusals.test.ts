import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activations } from '../../../ops/activations.ts';
import {
  attributes,
  before,
  dense,
  type Edit,
  input,
  lastGather,
  made,
  node,
  shape,
  small,
  smallGraph,
  withActivation,
  without,
} from '../../../test/graph-edits.ts';
import { must } from '../../../test/must.ts';
import { modelOf, taskModel } from '../../../test/task-model.ts';
import { ToolkitError } from '../../base/errors.ts';
import { constant, float, int, string, tensor } from '../../ir/attributes.ts';
import { Builder } from '../../ir/builder.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { planOf } from './plan.ts';

function failureOf(graph: Graph): ToolkitError {
  try {
    planOf({ ...modelOf(smallGraph), graph });
  } catch (error) {
    if (error instanceof ToolkitError) return error;
    throw error;
  }
  return expect.fail('a plan was made');
}

const table = 'embeddings.tok_embeddings.weight';

describe('a graph is refused, naming node and operator,', () => {
  const gathered = made('Gather', [table, 'rolled_ids'], 'token_embeddings_2');
  const cases: readonly (readonly [string, string, Edit])[] = [
    ['with an operator of no step', 'Einsum', node('MatMul', () => ({ op: 'Einsum' }))],
    ['with a foreign domain', 'MatMul', node('MatMul', () => ({ domain: 'com.example' }))],
    [
      'with weights to be unpacked',
      'DequantizeLinear',
      before('MatMul', made('DequantizeLinear', ['w', 's'], 'unpacked')),
    ],
    ['with two tables of ids', 'Gather', before('LayerNormalization', gathered)],
    ['with ids of another axis', 'Gather', attributes('Gather', { axis: int(1) })],
    ['with a product of products', 'MatMul', input('MatMul', 1, 'embeddings')],
    ['with a weight of no rows that fit', 'MatMul', shape(/Wqkv/, ([a = 0, b = 0]) => [a + 1, b])],
    ['with a weight of no columns', 'MatMul', shape(/Wqkv/, ([a = 0]) => [a, 0])],
    ['with a weight of three dimensions', 'MatMul', shape(/Wqkv/, (dims) => [1, ...dims])],
    ['with a norm of another width', 'LayerNormalization', shape(/^embeddings.norm/, () => [15])],
    [
      'with a norm over an axis',
      'LayerNormalization',
      attributes('LayerNormalization', { axis: int(1) }),
    ],
    [
      'with a norm in another precision',
      'LayerNormalization',
      attributes('LayerNormalization', { stash_type: int(10) }),
    ],
    ['with a rotary table of another head', 'FusedAttention', shape(/cos$/, ([a = 0]) => [a, 5])],
    [
      'with heads that are no part of a row',
      'FusedAttention',
      attributes('FusedAttention', { num_heads: int(3) }),
    ],
    [
      'with heads of an odd size',
      'FusedAttention',
      attributes('FusedAttention', { num_heads: int(8) }),
    ],
    ['without a number of heads', 'FusedAttention', without('FusedAttention', 'num_heads')],
    ['without a scale', 'FusedAttention', without('FusedAttention', 'scale')],
    [
      'with a window of nothing',
      'FusedAttention',
      attributes('FusedAttention', { window: int(0) }),
    ],
    ['with a layer of other slots', 'FusedAttention', input('FusedAttention', 3, 'real_tokens')],
    ['with attention to no matrix', 'FusedAttention', input('FusedAttention', 0, 'nothing')],
    ['with a gate of no activation', 'GeGLU', attributes('GeGLU', { activation: string('soft') })],
    ['without an activation', 'GeGLU', without('GeGLU', 'activation')],
    ['with a sum of two widths', 'SkipLayerNorm', input('SkipLayerNorm', 1, 'layers.0.attn.qkv')],
    ['with a bias for no columns', 'Gemm', shape(/^decoder.bias/, () => [3])],
    ['with a factor', 'Gemm', attributes('Gemm', { alpha: float(2) })],
    ['with a weight that lies', 'Gemm', without('Gemm', 'transB')],
    ['with rows of no batch', 'GatherND', (graph) => lastGather(graph, { batch_dims: int(0) })],
    [
      'with an activation of nothing known',
      'Erf',
      (graph) => withActivation(graph, [made('Erf', [dense], 'y')], 'y'),
    ],
    [
      'with a constant of its own',
      'Mul',
      (graph) => {
        const b = new Builder();
        const result = must(activations.get('quick_gelu'), 'gelu').nodes(b, dense, {
          gelu: 'node',
        });
        const nodes = b.nodes.map((each) =>
          each.op === 'Constant'
            ? { ...each, attributes: { value: tensor(constant('float32', 1.7)) } }
            : each,
        );
        return withActivation(graph, nodes, result);
      },
    ],
    [
      'with a product that is also read as it is',
      'MatMul',
      (graph) => withActivation(graph, twoReaders, 'sum'),
    ],
  ];
  it.each(cases)('%s', (_, op, edit) => {
    const error = failureOf(edit(withBias));
    expect(error.code).toBe('UNSUPPORTED_OPERATOR');
    expect(error.where).toMatchObject({ node: expect.stringMatching(/./), operator: op });
  });
});

/** A graph with a bias on the vocabulary. */
const withBias = taskModel({ ...small, decoderBias: true }).graph;

/** A norm of a product, and an activation of the same product. */
const twoReaders: readonly Node[] = [
  { ...made('LayerNormalization', [dense, 'lm_head.norm.weight'], 'normed') },
  made('Relu', [dense], 'activated'),
  made('SkipLayerNorm', ['normed', 'activated', 'lm_head.norm.weight'], 'sum', 'ai.modernbert'),
];

describe('a graph is refused', () => {
  it.each<readonly [string, Edit, RegExp]>([
    [
      'without ids',
      (graph) => ({ ...graph, inputs: graph.inputs.slice(1) }),
      /made before it is read/,
    ],
    ['without attention', (graph) => ({ ...graph, ...bare }), /embeds ids and attends to them/],
    [
      'with two results',
      (graph) => ({ ...graph, outputs: [...graph.outputs, result] }),
      /one result/,
    ],
    ['without a result', (graph) => ({ ...graph, outputs: graph.outputs.slice(1) }), /one result/],
  ])('%s', (_, edit, rule) => {
    const error = failureOf(edit(smallGraph));
    expect([error.code, error.message]).toEqual(['ONNX_INVALID', expect.stringMatching(rule)]);
  });
});

const result = { name: 'embeddings', type: { dtype: 'float32', shape: [null] } } as const;
const bare: Pick<Graph, 'nodes' | 'outputs'> = {
  nodes: [made('Gather', [table, 'input_ids'], 'embeddings')],
  outputs: [result],
};

it('a damaged graph is a plan or an error of ours, never a crash', () => {
  const { nodes } = withBias;
  const damages = fc.oneof(
    fc.record({ kind: fc.constant('drop' as const), at: fc.nat(nodes.length - 1) }),
    fc.record({
      kind: fc.constant('rewire' as const),
      at: fc.nat(nodes.length - 1),
      input: fc.nat(6),
      to: fc.constantFrom('', ...nodes.map(({ outputs }) => outputs[0] ?? '')),
    }),
    fc.record({ kind: fc.constant('bare' as const), at: fc.nat(nodes.length - 1) }),
    fc.record({
      kind: fc.constant('shape' as const),
      at: fc.nat(withBias.initializers.length - 1),
      shape: fc.array(fc.nat(40), { maxLength: 4 }),
    }),
  );
  const apply = (
    graph: Graph,
    damage: typeof damages extends fc.Arbitrary<infer D> ? D : never,
  ) => {
    if (damage.kind === 'shape') {
      const found = must(graph.initializers[damage.at], 'initializer');
      const changed = { ...found, type: { ...found.type, shape: damage.shape } };
      return { ...graph, initializers: graph.initializers.with(damage.at, changed) };
    }
    const at = Math.min(damage.at, graph.nodes.length - 1);
    const found = must(graph.nodes[at], 'node');
    if (damage.kind === 'drop') return { ...graph, nodes: graph.nodes.toSpliced(at, 1) };
    if (damage.kind === 'bare') {
      return { ...graph, nodes: graph.nodes.with(at, { ...found, attributes: {} }) };
    }
    const inputs = found.inputs.map((name, i) => (i === damage.input ? damage.to : name));
    return { ...graph, nodes: graph.nodes.with(at, { ...found, inputs }) };
  };
  const codes: string[] = [];
  fc.assert(
    fc.property(fc.array(damages, { minLength: 1, maxLength: 3 }), (list) => {
      const graph = list.reduce(apply, withBias);
      try {
        planOf({ ...modelOf(smallGraph), graph });
      } catch (error) {
        if (!(error instanceof ToolkitError)) throw error;
        codes.push(error.code);
      }
    }),
    { numRuns: 400 },
  );
  expect(codes.length).toBeGreaterThan(100);
  expect(new Set(codes)).toEqual(new Set(['UNSUPPORTED_OPERATOR', 'ONNX_INVALID']));
});
