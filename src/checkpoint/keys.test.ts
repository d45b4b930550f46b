import { describe, expect, test } from 'vitest';
import type { TensorRef } from '../base/tensors.ts';
import { nameTensors } from './keys.ts';

const ref = (name: string): TensorRef => ({
  name,
  dtype: 'F32',
  shape: [1],
  file: 'model.safetensors',
  size: 4,
  read: async () => new Uint8Array(4),
});

const named = (...names: readonly string[]) => nameTensors(names.map(ref));

const base = ['embeddings.tok_embeddings.weight', 'layers.0.attn.Wo.weight', 'final_norm.weight'];
const head = ['lm_head.dense.weight', 'decoder.bias'];
const model = [...base.map((name) => `model.${name}`), ...head];

describe('names as transformers saves them', () => {
  test('are kept, without a warning', () => {
    expect([...named(...model).tensors.keys()]).toEqual(model);
    expect(named(...model).warnings).toEqual([]);
  });

  test('of a base model get model., without a warning', () => {
    const { tensors, warnings } = named(...base);
    expect([...tensors.keys()]).toEqual(base.map((name) => `model.${name}`));
    expect(tensors.get('model.final_norm.weight')?.name).toBe('model.final_norm.weight');
    expect(warnings).toEqual([]);
  });

  test('of rotary buffers are dropped', () => {
    const { tensors, warnings } = named(
      ...model,
      'model.global_rotary_emb.inv_freq',
      'model.rotary_emb.full_attention_original_inv_freq',
    );
    expect([tensors.size, warnings]).toEqual([model.length, []]);
  });
});

describe('prefixes of trainers', () => {
  const module = 'tensor names carried module. of a training wrapper; it was taken off';

  test.each<[string, (name: string) => string, string]>([
    ['module.', (name) => `module.${name}`, module],
    ['_orig_mod.', (name) => `_orig_mod.${name}`, module.replace('module', '_orig_mod')],
    [
      'both, one way',
      (name) => `module._orig_mod.${name}`,
      module.replace('module.', 'module. and _orig_mod.'),
    ],
    [
      'both, the other way',
      (name) => `_orig_mod.module.${name}`,
      module.replace('module.', '_orig_mod. and module.'),
    ],
    [
      'within a name',
      (name) => name.replace('layers.0.', 'layers.0._orig_mod.'),
      module.replace('module', '_orig_mod'),
    ],
    [
      'of FSDP',
      (name) => `_fsdp_wrapped_module.${name}`,
      module.replace('module', '_fsdp_wrapped_module'),
    ],
    ['of a class around the model', (name) => `model.${name}`, module.replace('module', 'model')],
  ])('%s are taken off and said', (_name, wrap, warning) => {
    const { tensors, warnings } = named(...model.map(wrap));
    expect([...tensors.keys()]).toEqual(model);
    expect(warnings).toEqual([warning]);
  });

  test('a model with a head saved without model. is completed and said', () => {
    const { tensors, warnings } = named(...base, ...head);
    expect([...tensors.keys()]).toEqual(model);
    expect(warnings).toEqual([expect.stringContaining('lacked the prefix model.')]);
  });

  test('that make two names one are refused with both', () => {
    expect(() => named('model.final_norm.weight', 'module.model.final_norm.weight')).toThrow(
      'tensor=model.final_norm.weight, stored=[model.final_norm.weight, module.model.final_norm.weight], file=model.safetensors',
    );
  });
});

describe('a checkpoint of something else', () => {
  test.each([
    ['an encoder', 'model.layers.0.attn.Wqkv.weight', 'ModernBERT encoder'],
    ['a bare encoder', 'layers.0.attn.Wqkv.weight', 'ModernBERT encoder'],
    [
      'an adapter',
      'base_model.model.model.layers.0.attn.q_proj.lora_A.weight',
      'merge_and_unload()',
    ],
    [
      'a model with its adapter',
      'model.layers.0.attn.q_proj.lora_B.default.weight',
      'merge_and_unload()',
    ],
    ['a wrapped adapter', 'model.layers.0.attn.q_proj.base_layer.weight', 'merge_and_unload()'],
    ['quantized weights', 'model.layers.0.mlp.Wi.qweight', 'quantized'],
    ['a model for questions', 'qa_outputs.weight', 'has a head'],
    ['a classifier of another family', 'score.weight', 'has a head'],
    ['a value head', 'v_head.summary.weight', 'has a head'],
    ['a token classifier', 'token_classifier.weight', 'has a head'],
    ['a wrapped head', 'module.model.pooler.dense.weight', 'has a head'],
  ])('is refused by name: %s', (_what, name, message) => {
    const read = () => named(...model, name);
    expect(read).toThrow(message);
    expect(read).toThrow(`tensor=${name}`);
    expect(read).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_CHECKPOINT', exitStatus: 69 }),
    );
  });

  test('heads that are converted, and tensors nobody knows, are let through', () => {
    const heads = [
      'head.dense.weight',
      'head.norm.weight',
      'classifier.weight',
      'decoder.weight',
      'lm_head.norm.bias',
      'model.extra',
    ];
    expect([...named(...model, ...heads).tensors.keys()]).toEqual([...model, ...heads]);
  });
});
