import { expect, test } from 'vitest';
import { matchesWeight } from './keep.ts';
import { bytesIn, patternOf } from './units.ts';

const layer = (index: number): readonly (readonly string[])[] => {
  const name = (part: string): string => `model.layers.${index}.${part}.weight`;
  return [
    ['attn.q_proj', 'attn.k_proj', 'attn.v_proj'].map(name),
    [name('attn.Wo')],
    [name('mlp.Wi')],
    [name('mlp.Wo')],
  ];
};

test('the pattern of a product means its tensors, and no others', () => {
  const products = [
    ['model.embeddings.tok_embeddings.weight'],
    ...[0, 1, 10, 11].flatMap(layer),
    ['lm_head.dense.weight'],
    ['decoder.weight'],
  ];
  for (const tensors of products) {
    const pattern = patternOf(tensors);
    const meant = products.flat().filter((tensor) => matchesWeight(pattern, tensor));
    expect([pattern, ...meant]).toEqual([pattern, ...tensors]);
  }
  expect(patternOf(products[1] ?? [])).toBe('layers.0.attn.*_proj');
});

test('bytes are those of codes, scales and zero points', () => {
  const size = { rows: 10, columns: 96 };
  const scheme = { blockSize: 32, symmetric: false } as const;
  expect(bytesIn({ ...scheme, bits: 4 }, size)).toBe(10 * (48 + 6 + 2));
  expect(bytesIn({ ...scheme, bits: 8, symmetric: true }, size)).toBe(10 * (96 + 6));
  expect(bytesIn('float16', size)).toBe(1920);
});
