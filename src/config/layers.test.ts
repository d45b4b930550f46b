import { expect, test } from 'vitest';
import { parseJson } from '../base/json.ts';
import { isObject } from './fields.ts';
import { readLayers } from './layers.ts';

interface Layers {
  /** F and S, one letter a layer. */
  readonly types: string;
  readonly window: number | undefined;
  readonly thetas: readonly [full: number | undefined, sliding: number | undefined];
  readonly warnings: readonly string[];
}

const [F, S] = ['full_attention', 'sliding_attention'] as const;

function read(fields: object, version = '5.18.0'): Layers {
  const json = { num_hidden_layers: 4, transformers_version: version, ...fields };
  const map = parseJson(JSON.stringify(json));
  if (!isObject(map)) throw new TypeError('no object');
  const warnings: string[] = [];
  const layers = readLayers(map, (sentence) => void warnings.push(sentence));
  const full = layers.find(({ type }) => type === F);
  const sliding = layers.find(({ type }) => type === S);
  return {
    types: layers.map(({ type }) => (type === F ? 'F' : 'S')).join(''),
    window: sliding?.window,
    thetas: [full?.ropeTheta, sliding?.ropeTheta],
    warnings,
  };
}

// Every expected value is what transformers 5.18.0 makes of the same fields.

test.each([
  [{}, 'FSSF'],
  [{ layer_types: null }, 'FSSF'],
  [{ num_hidden_layers: 7, global_attn_every_n_layers: 2 }, 'FSFSFSF'],
  [{ global_attn_every_n_layers: 1 }, 'FFFF'],
  [{ global_attn_every_n_layers: 9 }, 'FSSS'],
  [{ layer_types: [S, S, F, S], global_attn_every_n_layers: 2 }, 'SSFS'],
  [{ layer_types: ['attention', F, F, S] }, 'FFFS'],
])('%j gives layers %s', (fields, types) => {
  expect(read(fields).types).toBe(types);
});

test.each([
  [{ layer_types: [] }, /names 0/],
  [{ layer_types: [F, S] }, /names 2/],
  [{ layer_types: 'full' }, /list/],
  [{ layer_types: [F, S, 3, F] }, /layer_types\[2\]/],
  [{ global_attn_every_n_layers: 0 }, /global_attn_every_n_layers/],
  [{ global_attn_every_n_layers: null }, /global_attn_every_n_layers/],
  [{ global_attn_every_n_layers: -2 }, /global_attn_every_n_layers/],
])('%j is malformed', (fields, message) => {
  expect(() => read(fields)).toThrow(message);
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

test('a layer of another type is not supported', () => {
  const fields = { layer_types: [F, 'chunked_attention', S, F] };
  expect(() => read(fields)).toThrow(/layer_types\[1\].*chunked_attention/);
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CONFIG' }));
});

test.each([
  [{}, 64],
  [{ local_attention: 128 }, 64],
  [{ local_attention: 7 }, 3],
  [{ sliding_window: 12 }, 12],
  [{ sliding_window: 16, local_attention: 32 }, 16],
  [{ sliding_window: 8, local_attention: null }, 8],
])('%j gives a window of %d', (fields, window) => {
  expect(read(fields)).toMatchObject({ window, warnings: [] });
});

test.each([
  { local_attention: null },
  { local_attention: 0 },
  { local_attention: 1 },
  { sliding_window: 0 },
  { sliding_window: -1, local_attention: null },
])('%j gives sliding layers nothing to see and is refused', (fields) => {
  expect(() => read(fields)).toThrow(/one key at least/);
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CONFIG' }));
});

test('a window that no layer has is not looked at', () => {
  const layer_types = [F, F, F, F];
  expect(read({ layer_types, local_attention: null }).window).toBeUndefined();
  expect(read({ layer_types, local_attention: 32, sliding_window: 12 }).window).toBeUndefined();
});

test('sliding_window and local_attention have to agree', () => {
  const fields = { sliding_window: 12, local_attention: 128 };
  expect(() => read(fields)).toThrow(/local_attention 128 means a window of 64.*value=12/);
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CONFIG' }));
});

test.each([
  { local_attention: -4 },
  { local_attention: true },
  { local_attention: '128' },
  { sliding_window: null },
  { sliding_window: '12' },
  { sliding_window: -2 },
])('%j is a malformed window', (fields) => {
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

test('a window of one key is warned about: transformers decodes it wrongly', () => {
  expect(read({ local_attention: 3 }).warnings).toEqual([expect.stringContaining('cache')]);
});

test('a window that transformers 4 ignored is warned about', () => {
  const rope = { local_rope_theta: 160_000 };
  const old = read({ ...rope, sliding_window: 128 }, '4.57.6');
  expect(old).toMatchObject({ window: 128, warnings: [expect.stringContaining('a window of 64')] });
  expect(read({ ...rope, sliding_window: 64 }, '4.57.6').warnings).toEqual([]);
});

test.each([
  [{}, 160_000, 10_000],
  [{ global_rope_theta: 5, local_rope_theta: 6 }, 5, 6],
  [{ global_rope_theta: 5 }, 5, 10_000],
  [{ local_rope_theta: 6 }, 160_000, 6],
  [{ rope_parameters: null }, 160_000, 10_000],
  [{ rope_parameters: {} }, 160_000, 10_000],
  [{ rope_parameters: { [F]: { rope_type: 'default', rope_theta: 7 } } }, 7, 10_000],
  [{ rope_parameters: { [S]: { rope_theta: 7.5 } }, local_rope_theta: 6 }, 160_000, 7.5],
  [{ rope_parameters: { [F]: {}, [S]: {} }, global_rope_theta: 5, local_rope_theta: 6 }, 5, 6],
  [
    {
      rope_parameters: { [F]: { rope_theta: 1 }, [S]: { rope_theta: 2 } },
      global_rope_theta: 5,
      local_rope_theta: null,
    },
    1,
    2,
  ],
  [{ rope_scaling: null }, 160_000, 10_000],
  [{ rope_scaling: {} }, 160_000, 10_000],
  [{ rope_scaling: { rope_type: 'default' } }, 160_000, 10_000],
])('%j gives rotary bases %d and %d', (fields, full, sliding) => {
  expect(read(fields)).toMatchObject({ thetas: [full, sliding], warnings: [] });
});

test.each([
  [{ rope_scaling: { rope_type: 'linear', factor: 2 } }, 'rope_scaling'],
  [{ rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling'],
  [{ rope_scaling: { [F]: { rope_type: 'linear', factor: 2 } } }, 'rope_scaling'],
  [{ rope_scaling: { rope_type: 'default', rope_theta: 77 } }, 'rope_scaling'],
  [{ rope_scaling: 2 }, 'rope_scaling'],
  [
    { rope_parameters: { [F]: { rope_type: 'yarn', factor: 2 } } },
    'rope_parameters.full_attention.rope_type',
  ],
  [
    { rope_parameters: { [S]: { type: 'linear', factor: 2 } } },
    'rope_parameters.sliding_attention.rope_type',
  ],
])('%j scales rotations and is refused', (fields, field) => {
  expect(() => read(fields)).toThrow(/other logits/);
  expect(() => read(fields)).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED_CONFIG',
      where: expect.objectContaining({ field }),
    }),
  );
});

test.each([
  { rope_parameters: [] },
  { rope_parameters: { rope_type: 'default', rope_theta: 1000 } },
  { rope_parameters: { [F]: null } },
  { rope_parameters: { other: { rope_theta: 1 } } },
  { rope_parameters: { [F]: { rope_theta: null } } },
  { rope_parameters: { [F]: { rope_theta: '1' } } },
  { rope_parameters: { [S]: { rope_theta: 0 } } },
  { global_rope_theta: null },
  { local_rope_theta: -1 },
])('%j is malformed', (fields) => {
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

test.each([
  [{ global_rope_theta: 5, local_rope_theta: 6 }, /base 5 in every layer.*6 for sliding_attention/],
  [{ local_rope_theta: 6 }, /base 160000 .*6 for sliding_attention/],
  [{}, /base 160000 .*10000 for sliding_attention/],
  [
    { rope_parameters: { [F]: { rope_theta: 1 }, [S]: { rope_theta: 2 } } },
    /base 160000 .*1 for full_attention and 2 for sliding_attention/,
  ],
])('%j, written by transformers 4, meant another rotation there', (fields, message) => {
  expect(read(fields, '4.57.6').warnings).toEqual([expect.stringMatching(message)]);
  expect(read(fields, '5.0.0').warnings).toEqual([]);
});

test.each([
  { global_rope_theta: 160_000, local_rope_theta: 160_000 },
  { global_rope_theta: 7, local_rope_theta: 7 },
  { global_attn_every_n_layers: 1, local_rope_theta: 7 },
])('%j means the same in transformers 4', (fields) => {
  expect(read(fields, '4.54.0.dev0').warnings).toEqual([]);
});

test('rotary fields that transformers passes over are named', () => {
  expect(read({ rope_theta: 3 }).warnings).toEqual([expect.stringContaining('rope_theta')]);
  const rope_parameters = { [F]: { rope_theta: 1, partial_rotary_factor: 0.5 } };
  expect(read({ rope_parameters }).warnings).toEqual([
    expect.stringContaining('partial_rotary_factor'),
  ]);
});
