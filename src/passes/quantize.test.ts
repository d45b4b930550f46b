import { describe, expect, test } from 'vitest';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { Target } from '../base/manifest.ts';
import { readConfig } from '../config/read.ts';
import { checkModel } from '../ir/check.ts';
import { countNodes } from '../ir/count.ts';
import { type BlockScheme, contribDomain, type Graph } from '../ir/graph.ts';
import { buildGraph, fusedRules } from '../model/build.ts';
import { half } from './half.ts';
import { quantize } from './quantize.ts';
import { forTarget } from './target.ts';

const configOf = (changes: object = {}): ModernBertDecoderConfig =>
  readConfig(
    JSON.stringify({
      model_type: 'modernbert-decoder',
      transformers_version: '5.18.0',
      vocab_size: 97,
      hidden_size: 96,
      intermediate_size: 112,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      max_position_embeddings: 64,
      pad_token_id: 3,
      ...changes,
    }),
  ).config;

const tasks: readonly Task[] = ['text-generation', 'text-classification', 'feature-extraction'];
const targets: readonly Target[] = ['onnxruntime', 'portable'];
const four: BlockScheme = { bits: 4, blockSize: 32, symmetric: false };
const eight: BlockScheme = { bits: 8, blockSize: 16, symmetric: true };

interface Choice {
  readonly task?: Task;
  readonly target?: Target;
  readonly scheme?: BlockScheme;
  readonly tied?: boolean;
  readonly config?: ModernBertDecoderConfig;
}

const built = ({ task = 'text-generation', tied = true, config = configOf() }: Choice): Graph =>
  buildGraph(config, { task, tied, numLogitsToKeep: true });

const packed = ({ target = 'onnxruntime', scheme = four, ...choice }: Choice = {}): Graph =>
  quantize(fusedRules, { target, formOf: () => scheme, accuracyLevel: 4 })(built(choice));

const opsOf = ({ nodes }: Graph): ReadonlySet<string> => new Set(nodes.map(({ op }) => op));

/** Initializers whose names begin so, as `part dtype shape`. */
const partsOf = ({ initializers }: Graph, name: string): readonly string[] =>
  initializers
    .filter((each) => each.name.startsWith(`${name}.`))
    .map((each) => `${each.name.slice(name.length + 1)} ${each.type.dtype} ${each.type.shape}`);

const table = 'embeddings.tok_embeddings.weight';

describe.each(targets)('for %s', (target) => {
  describe.each(tasks)('a quantized graph for %s', (task) => {
    test.each([four, eight, { ...four, symmetric: true }, { ...eight, symmetric: false }])(
      'keeps to the rules: %o',
      (scheme) => {
        for (const blockSize of [16, 128]) {
          const graph = packed({ task, target, scheme: { ...scheme, blockSize } });
          const info = { producer: { name: 'test', version: '1' }, metadata: {} };
          expect(() => checkModel(forTarget(graph, target, info), fusedRules)).not.toThrow();
        }
      },
    );

    test('multiplies by codes alone', () => {
      const graph = packed({ task, target });
      const floats = graph.initializers.filter(
        ({ type, recipe }) => type.dtype === 'float32' && recipe.kind === 'weight',
      );
      expect(floats.every(({ type }) => type.shape.length === 1)).toBe(true);
    });

    test('computes in half after the pass to half', () => {
      const halves = half(fusedRules)(built({ task }));
      const graph = quantize(fusedRules, { target, formOf: () => four, accuracyLevel: 4 })(halves);
      const dtypes = new Set(graph.values.map(({ type }) => type.dtype));
      expect(dtypes.has('float32')).toBe(false);
      expect(graph.nodes.filter(({ outputs }) => outputs[0]?.endsWith('.scales.cast'))).toEqual([]);
    });
  });
});

describe('for onnxruntime', () => {
  test('products and table are operators on codes', () => {
    const ops = opsOf(packed());
    expect([...ops].filter((op) => ['MatMul', 'Gemm', 'Gather'].includes(op))).toEqual([]);
    expect(ops.has('MatMulNBits') && ops.has('GatherBlocks')).toBe(true);
  });

  test('a layer has eight nodes, with biases and without', () => {
    expect(countNodes(packed()).perLayer).toBe(8);
    const config = configOf({ attention_bias: true, mlp_bias: true });
    expect(countNodes(packed({ config })).perLayer).toBe(8);
    const biased = packed({ config }).nodes.filter(
      ({ op, outputs }) => op === 'MatMulNBits' && outputs[0]?.startsWith('layers.'),
    );
    expect(biased.every(({ inputs }) => (inputs[5] ?? '').endsWith('.bias'))).toBe(true);
  });

  test('a tied table is kept once, for both who read it', () => {
    const graph = packed();
    expect(partsOf(graph, table)).toEqual([
      'codes uint8 97,3,16',
      'scales float16 97,3',
      'zeros uint8 97,2',
    ]);
    const readers = graph.nodes.filter(({ inputs }) => inputs.includes(`${table}.codes`));
    expect(readers.map(({ op }) => op)).toEqual(['GatherBlocks', 'MatMulNBits']);
    const [rows, product] = readers.map(({ inputs }) => inputs);
    expect(rows?.slice(2)).toEqual(product?.slice(2, 4)); // one copy of scales and zero points too
    expect(partsOf(graph, 'decoder')).toEqual(['bias float32 97']);
  });

  test('a head of its own has codes of its own', () => {
    expect(partsOf(packed({ tied: false }), 'decoder.weight')).toHaveLength(3);
  });

  test('a symmetric weight has no zero points', () => {
    expect(partsOf(packed({ scheme: eight }), 'layers.0.mlp.Wo.weight')).toEqual([
      'codes uint8 96,7,16',
      'scales float16 96,7',
    ]);
  });

  test('the table is read by one node, also where rows do not fill their blocks', () => {
    const config = configOf({ hidden_size: 80 });
    const nodes = packed({ config }).nodes.filter(({ outputs }) =>
      outputs[0]?.startsWith('token_embeddings'),
    );
    expect(nodes.map(({ op }) => op)).toEqual(['GatherBlocks']);
  });

  test('what depends on no input stands before everything else', () => {
    const { nodes, initializers } = packed();
    const constants = new Set(initializers.map(({ name }) => name));
    let first = 0;
    while (nodes[first]?.inputs.every((name) => constants.has(name))) {
      for (const name of nodes[first++]?.outputs ?? []) constants.add(name);
    }
    const later = nodes.slice(first);
    expect(later.filter(({ outputs }) => outputs[0]?.includes('.scales'))).toEqual([]);
  });
});

test('for portable nothing is of a contrib operator, and zero points are said', () => {
  const graph = packed({ target: 'portable', scheme: { ...four, symmetric: true } });
  expect(graph.nodes.some(({ domain }) => domain === contribDomain)).toBe(false);
  expect(partsOf(graph, table)).toEqual([
    'codes uint4 97,96',
    'scales float16 97,3',
    'zeros uint4 97,3',
  ]);
  expect(countNodes(graph).byOp).toMatchObject({ DequantizeLinear: 10, Transpose: 9 });
});

test('a graph without weights is the same graph', () => {
  const graph = { ...built({}), nodes: [], initializers: [] };
  expect(
    quantize(fusedRules, { target: 'portable', formOf: () => four, accuracyLevel: 4 })(graph),
  ).toBe(graph);
});
