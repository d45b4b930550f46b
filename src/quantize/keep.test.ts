import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keptFormats } from '../base/manifest.ts';
import { checkKeep, keptFormat, matchesWeight, parseKeepRule, printKeepRule } from './keep.ts';

const name = fc.stringMatching(/^[a-z0-9_.]{1,12}$/);
const glob = fc.stringMatching(/^[ab.*]{1,8}$/);

const qkv = ['q_proj', 'k_proj', 'v_proj'].map((part) => `model.layers.0.attn.${part}.weight`);
const products = [
  ['model.embeddings.tok_embeddings.weight'],
  qkv,
  ['model.layers.0.mlp.Wi.weight'],
  ['model.layers.10.mlp.Wi.weight'],
  ['lm_head.dense.weight'],
];

describe('a pattern', () => {
  test('is a name, in which a star stands for any characters', () => {
    fc.assert(
      fc.property(glob, fc.stringMatching(/^[ab.]{0,10}$/), (pattern, tensor) => {
        const parts = pattern.split('*').map((part) => part.replaceAll('.', '[.]'));
        const wanted = new RegExp(`^${parts.join('.*')}$`).test(tensor);
        expect(matchesWeight(pattern, tensor)).toBe(wanted);
      }),
      { numRuns: 1000 },
    );
  });

  test('takes no longer for many stars', () => {
    expect(matchesWeight(`${'*a'.repeat(40)}b`, 'a'.repeat(5000))).toBe(false);
  });

  test.each([
    ['embeddings', 'model.embeddings.tok_embeddings.weight', true],
    ['head', 'lm_head.dense.weight', true],
    ['head', 'decoder.weight', true],
    ['head', 'classifier.weight', true],
    ['head', 'model.embeddings.tok_embeddings.weight', false],
    ['layers.1.*', 'model.layers.10.mlp.Wi.weight', false],
    ['layers.*.mlp.Wi', 'model.layers.10.mlp.Wi.weight', true],
    ['layers.0', 'model.layers.0.mlp.Wi.weight', false],
  ])('%s means %s: %s', (pattern, tensor, means) => {
    expect(matchesWeight(pattern, tensor)).toBe(means);
  });
});

test('a rule is read as it is printed', () => {
  const rule = fc.record({ pattern: name, format: fc.constantFrom(...keptFormats) });
  fc.assert(
    fc.property(rule, fc.constantFrom('q8', 'q4', undefined), (parts, dtype) => {
      const whole = dtype === undefined ? parts : { dtype, ...parts };
      expect(parseKeepRule(printKeepRule(whole))).toEqual(whole);
    }),
  );
});

test.each([
  ['embeddings', 'a rule of --keep is PATTERN=FORMAT'],
  ['=q8', 'a rule of --keep is PATTERN=FORMAT'],
  ['a b=q8', 'a rule of --keep is PATTERN=FORMAT'],
  ['a=b=q8', 'a rule of --keep is PATTERN=FORMAT'],
  ['head=int8', 'a rule of --keep names a format of fp32, fp16, q8, q4'],
  ['fp16:head=q8', 'a rule of --keep is of a quantized dtype'],
])('%s is refused', (text, message) => {
  const parse = (): unknown => parseKeepRule(text);
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('the last rule that fits a weight and the dtype wins', () => {
  const rules = ['*=q8', 'q4:head=fp16', 'layers.*=fp32'].map(parseKeepRule);
  expect(keptFormat(rules, 'q4', 'lm_head.dense.weight')).toBe('fp16');
  expect(keptFormat(rules, 'q8', 'lm_head.dense.weight')).toBe('q8');
  expect(keptFormat(rules, 'q4', 'model.layers.0.mlp.Wi.weight')).toBe('fp32');
  expect(keptFormat([], 'q4', 'lm_head.dense.weight')).toBeUndefined();
});

test.each([
  ['layers.1.*=q8', ['q4'], 'a pattern of --keep matches a weight that is quantized'],
  ['decoder=q8', ['q4'], 'a pattern of --keep matches a weight that is quantized'],
  ['*.q_proj=q8', ['q4'], 'weights that one product holds are kept in one format'],
  ['q8:head=fp16', ['fp32', 'q4'], 'a rule of --keep is of a quantized dtype of the run'],
  ['head=fp16', ['fp32'], 'a rule of --keep is of a quantized dtype of the run'],
] as const)('%s for %s is refused', (rule, dtypes, message) => {
  const check = (): void => checkKeep([parseKeepRule(rule)], dtypes, products);
  expect(check).toThrow(message);
  expect(check).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('rules that fit the model pass', () => {
  const rules = ['layers.0.attn.*_proj=fp16', 'embeddings=q8', '*.q_proj=q8', '*.k_proj=q8'];
  expect(() =>
    checkKeep([...rules, '*.v_proj=q8'].map(parseKeepRule), ['q4'], products),
  ).not.toThrow();
});
