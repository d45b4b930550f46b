import { describe, expect, test } from 'vitest';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import type { Target } from '../base/manifest.ts';
import { readConfig } from '../config/read.ts';
import { checkModel } from '../ir/check.ts';
import { contribDomain, fusedDomain, type Model, type Node } from '../ir/graph.ts';
import { buildGraph, fusedRules } from '../model/build.ts';
import { half } from './half.ts';
import { forTarget } from './target.ts';

function configOf(heads: number): ModernBertDecoderConfig {
  return readConfig(
    JSON.stringify({
      model_type: 'modernbert-decoder',
      transformers_version: '5.18.0',
      vocab_size: 96,
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 2,
      num_attention_heads: heads,
      max_position_embeddings: 64,
      pad_token_id: 3,
    }),
  ).config;
}

const info = { producer: { name: 'tool', version: '1' }, metadata: { dtype: 'fp32' } };
const options = { task: 'text-generation', tied: true, numLogitsToKeep: true } as const;
const headsOf16 = buildGraph(configOf(2), options);
const headsOf8 = buildGraph(configOf(4), options);

/** Function → operators of its body that are not ONNX's own. */
function contribOps({ functions }: Model): Readonly<Record<string, readonly string[]>> {
  const foreign = (nodes: readonly Node[]): readonly string[] =>
    nodes.filter(({ domain }) => domain === contribDomain).map(({ op }) => op);
  return Object.fromEntries(functions.map(({ name, nodes }) => [name, foreign(nodes)]));
}

describe.each<readonly [Target, number]>([
  ['onnxruntime', 24],
  ['portable', 21],
])('for %s, a model', (target, opset) => {
  const model = forTarget(headsOf16, target, info);

  test('imports the operators of its runtimes', () => {
    expect(model.opsets).toEqual({ '': opset, [fusedDomain]: 1 });
    for (const { opsets } of model.functions) {
      expect(opsets).not.toEqual({});
      expect(opsets[''] ?? opset).toBe(opset); // one of contrib operators alone imports none of these
    }
    expect(model.irVersion).toBe(10);
  });

  test('has the graph as it is, and says who made it', () => {
    expect(model.graph).toBe(headsOf16);
    expect(model).toMatchObject(info);
  });

  test('has one body for each fused operator, in the order of their names', () => {
    expect(model.functions.map(({ domain, name }) => `${domain}.${name}`)).toEqual([
      'ai.modernbert.FusedAttention',
      'ai.modernbert.GeGLU',
      'ai.modernbert.SkipLayerNorm',
    ]);
  });

  test.each([
    ['float32', headsOf16],
    ['float16', half(fusedRules)(headsOf16)],
    ['heads of 8', headsOf8],
  ])('keeps to the rules in %s', (_, graph) => {
    expect(() => checkModel(forTarget(graph, target, info), fusedRules)).not.toThrow();
  });
});

test('ONNX Runtime gets its own operators, where they take the heads', () => {
  expect(contribOps(forTarget(headsOf16, 'onnxruntime', info))).toEqual({
    FusedAttention: ['GroupQueryAttention'],
    GeGLU: [],
    SkipLayerNorm: ['SkipLayerNormalization'],
  });
  expect(contribOps(forTarget(headsOf8, 'onnxruntime', info))).toMatchObject({
    FusedAttention: [],
  });
});

test('other runtimes get ONNX alone', () => {
  for (const graph of [headsOf16, headsOf8]) {
    const { functions } = forTarget(graph, 'portable', info);
    expect(functions.flatMap(({ opsets }) => Object.keys(opsets))).toEqual(['', '', '']);
  }
});

test('an operator without a body, or a value without a type, is said', () => {
  const [call] = headsOf16.nodes.filter(({ op }) => op === 'GeGLU');
  const strange = { ...headsOf16, nodes: [{ ...call, op: 'Strange' } as Node] };
  expect(() => forTarget(strange, 'portable', info)).toThrow(/no operator Strange/);
  const untyped = { ...headsOf16, values: [] };
  expect(() => forTarget(untyped, 'portable', info)).toThrow(
    expect.objectContaining({ code: 'GRAPH_INVALID' }),
  );
});
