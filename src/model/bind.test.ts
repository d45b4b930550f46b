import { describe, expect, test } from 'vitest';
import { tensorMap, tensorRef } from '../../test/tensor-refs.ts';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { readConfig } from '../config/read.ts';
import { bindWeights, chooseTask, isTied, type Tensors, unusedTensors } from './bind.ts';
import { buildGraph } from './build.ts';

const fields = {
  model_type: 'modernbert-decoder',
  transformers_version: '5.18.0',
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 16,
  sliding_window: 4,
  pad_token_id: 0,
  id2label: { 0: 'no', 1: 'yes', 2: 'maybe' },
};

function configOf(changes: object = {}): ModernBertDecoderConfig {
  return readConfig(JSON.stringify({ ...fields, ...changes })).config;
}

const config = configOf();

const shapes: Readonly<Record<string, readonly number[]>> = {
  'model.embeddings.tok_embeddings.weight': [12, 8],
  'model.embeddings.norm.weight': [8],
  ...layer(0),
  'model.layers.1.attn_norm.weight': [8],
  ...layer(1),
  'model.final_norm.weight': [8],
};

function layer(index: number): Readonly<Record<string, readonly number[]>> {
  const name = `model.layers.${index}`;
  return {
    [`${name}.attn.q_proj.weight`]: [8, 8],
    [`${name}.attn.k_proj.weight`]: [8, 8],
    [`${name}.attn.v_proj.weight`]: [8, 8],
    [`${name}.attn.Wo.weight`]: [8, 8],
    [`${name}.mlp_norm.weight`]: [8],
    [`${name}.mlp.Wi.weight`]: [12, 8],
    [`${name}.mlp.Wo.weight`]: [8, 6],
  };
}

const languageHead = {
  'lm_head.dense.weight': [8, 8],
  'lm_head.norm.weight': [8],
  'decoder.bias': [12],
};
const classifier = {
  'head.dense.weight': [8, 8],
  'head.norm.weight': [8],
  'classifier.weight': [3, 8],
};

function tensorsOf(...parts: readonly Readonly<Record<string, readonly number[]>>[]): Tensors {
  const all = parts.flatMap((part) => Object.entries(part));
  return tensorMap(...all.map(([name, shape]) => tensorRef(name, 'F32', shape)));
}

const generator = tensorsOf(shapes, languageHead);

function bind(tensors: Tensors, task: Task = 'text-generation', tied = true): () => void {
  const graph = buildGraph(config, { task, tied, numLogitsToKeep: true });
  return () => bindWeights(graph, tensors);
}

function without(tensors: Tensors, name: string): Tensors {
  return new Map([...tensors].filter(([each]) => each !== name));
}

describe('binding', () => {
  test.each<readonly [Task, Tensors]>([
    ['text-generation', generator],
    ['text-classification', tensorsOf(shapes, classifier)],
    ['feature-extraction', tensorsOf(shapes)],
  ])('accepts a checkpoint for %s and uses all of it', (task, tensors) => {
    expect(bind(tensors, task)).not.toThrow();
    const graph = buildGraph(config, { task, tied: true, numLogitsToKeep: true });
    expect(unusedTensors(graph, tensors)).toEqual([]);
  });

  test('fails for any tensor that is missing, and names it', () => {
    for (const name of generator.keys()) {
      expect(bind(without(generator, name))).toThrow(
        expect.objectContaining({
          code: 'WEIGHT_MISSING',
          where: expect.objectContaining({ tensor: name }) as unknown,
        }),
      );
    }
  });

  test('fails for any tensor of another shape, and names both', () => {
    for (const [name, { shape }] of generator) {
      const wrong = tensorRef(name, 'F32', [...shape.slice(0, -1), (shape.at(-1) ?? 0) + 1]);
      expect(bind(new Map(generator).set(name, wrong))).toThrow(
        expect.objectContaining({
          code: 'WEIGHT_SHAPE',
          message: expect.stringMatching(
            `asks for ${shape.join('×')}, the checkpoint has ${wrong.shape.join('×')}`,
          ) as unknown,
        }),
      );
    }
  });

  test('does not take a matrix the other way round', () => {
    const name = 'model.layers.0.mlp.Wi.weight';
    const turned = new Map(generator).set(name, tensorRef(name, 'F32', [8, 12]));
    expect(bind(turned)).toThrow(/asks for 12×8, the checkpoint has 8×12/);
  });

  test.each([
    ['model.embeddings.tok_embeddings.weight', [13, 8], /rows are vocab_size/],
    ['decoder.bias', [13], /rows are vocab_size/],
    ['model.final_norm.weight', [9], /the checkpoint has 9 \(tensor=/],
  ])('says what %s depends on', (name, shape, message) => {
    const wrong = new Map(generator).set(name, tensorRef(name, 'F32', shape));
    expect(bind(wrong)).toThrow(message);
  });

  test('says that the rows of a classifier are its labels', () => {
    const tensors = tensorsOf(shapes, classifier, { 'classifier.weight': [2, 8] });
    expect(bind(tensors, 'text-classification')).toThrow(/rows are the labels of id2label/);
  });

  test.each(['I64', 'U8', 'F8_E4M3', 'BOOL'] as const)('fails for a weight of %s', (dtype) => {
    const name = 'model.layers.1.attn.k_proj.weight';
    const tensors = new Map(generator).set(name, tensorRef(name, dtype, [8, 8]));
    expect(bind(tensors)).toThrow(
      expect.objectContaining({
        code: 'WEIGHT_DTYPE',
        message: `weights must be F32, F16, BF16 or F64 (tensor=${name}, file=model.safetensors, dtype=${dtype}): save the checkpoint in one of these`,
      }),
    );
  });

  test('reports tensors that the graph does not read, in their order', () => {
    const graph = buildGraph(config, {
      task: 'feature-extraction',
      tied: false,
      numLogitsToKeep: true,
    });
    const tensors = tensorsOf({ extra: [1] }, shapes, languageHead);
    expect(unusedTensors(graph, tensors)).toEqual(['extra', ...Object.keys(languageHead)]);
  });
});

describe('the task', () => {
  const causal = configOf({ architectures: ['ModernBertDecoderForCausalLM'] });

  test.each<readonly [string, Task | undefined, ModernBertDecoderConfig, Tensors, Task]>([
    ['asked for', 'feature-extraction', causal, generator, 'feature-extraction'],
    ['of the config', undefined, causal, generator, 'text-generation'],
    ['whose head is there', undefined, config, generator, 'text-generation'],
    ['whose head is there', undefined, config, tensorsOf(classifier), 'text-classification'],
    ['without a head', undefined, config, tensorsOf(shapes), 'feature-extraction'],
  ])('is the one %s', (_, asked, of, tensors, task) => {
    expect(chooseTask(asked, of, tensors)).toBe(task);
  });

  test.each<readonly [Task | undefined, Tensors, string, RegExp]>([
    [undefined, tensorsOf(shapes), 'lm_head.dense.weight', /choose --task feature-extraction/],
    ['text-classification', generator, 'classifier.weight', /choose --task text-generation/],
    [
      'text-generation',
      tensorsOf(classifier),
      'lm_head.dense.weight',
      /--task text-classification/,
    ],
  ])('%s is refused without its head', (asked, tensors, tensor, fix) => {
    const choose = (): Task => chooseTask(asked, causal, tensors);
    expect(choose).toThrow(fix);
    expect(choose).toThrow(expect.objectContaining({ code: 'WEIGHT_MISSING', where: { tensor } }));
  });
});

describe('the vocabulary projection', () => {
  const own = tensorsOf(shapes, languageHead, { 'decoder.weight': [12, 8] });
  const untied = configOf({ tie_word_embeddings: false });

  test('is tied where the checkpoint has none and the config says so', () => {
    expect(isTied(config, generator)).toBe(true);
  });

  test('is its own where the checkpoint has one, whatever the config says', () => {
    expect(isTied(config, own)).toBe(false);
    expect(isTied(untied, own)).toBe(false);
    expect(bind(own, 'text-generation', false)).not.toThrow();
  });

  test('cannot be found where it is neither', () => {
    expect(() => isTied(untied, generator)).toThrow(
      expect.objectContaining({ code: 'WEIGHT_MISSING', where: { tensor: 'decoder.weight' } }),
    );
  });
});
