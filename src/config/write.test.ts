import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../base/json.ts';
import { isObject } from './fields.ts';
import { withConsumerSettings, type ConsumerSettings } from './write.ts';

const settings: ConsumerSettings = {
  dataFiles: { 'model.onnx': 1, 'model_fp16.onnx': 1 },
  cacheDTypes: { fp16: 'float16' },
};
const written = {
  use_external_data_format: { 'model.onnx': 1, 'model_fp16.onnx': 1 },
  kv_cache_dtype: { fp16: 'float16' },
};

function write(text: string, changes: Partial<ConsumerSettings> = {}): string {
  const raw = parseJson(text, { nonFinite: true });
  if (!isObject(raw)) throw new TypeError('no object');
  return withConsumerSettings(text, raw, { ...settings, ...changes });
}

const parse = (text: string): Readonly<Record<string, unknown>> =>
  JSON.parse(text) as Readonly<Record<string, unknown>>;

describe('the settings', () => {
  test('come last, and every byte before them stays', () => {
    const text = '{\n  "b": 160000.0,\n  "a": 1e-05,\n  "ü": "\\u00fc"\n}\n';
    expect(write(text)).toBe(
      `{
  "b": 160000.0,
  "a": 1e-05,
  "ü": "\\u00fc",
  "transformers.js_config": {
    "use_external_data_format": {
      "model.onnx": 1,
      "model_fp16.onnx": 1
    },
    "kv_cache_dtype": {
      "fp16": "float16"
    }
  }
}
`,
    );
  });

  const golden = join(import.meta.dirname, '../../golden');
  const cases = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(cases.map(({ name }) => name))('are added to the config of %s', (name) => {
    const text = readFileSync(join(golden, name, 'config.json'), 'utf8');
    const result = write(text);
    expect(result.startsWith(text.slice(0, text.lastIndexOf('}')).trimEnd())).toBe(true);
    expect(parse(result)).toEqual({ ...parse(text), 'transformers.js_config': written });
  });

  test.each(['{}', '{ }', ' {\n}\n\n', '{"a":{"b":{}}}', '{"a":"}"}\t'])(
    'are added to %j',
    (text) => {
      expect(parse(write(text))).toEqual({ ...parse(text), 'transformers.js_config': written });
    },
  );

  test('say only what there is to say', () => {
    const only = (changes: Partial<ConsumerSettings>): unknown =>
      parse(write('{}', changes))['transformers.js_config'];
    const { use_external_data_format: files, kv_cache_dtype: dtypes } = written;
    expect(only({ cacheDTypes: {} })).toEqual({ use_external_data_format: files });
    expect(only({ dataFiles: {} })).toEqual({ kv_cache_dtype: dtypes });
  });
});

describe('settings that are there already', () => {
  test('are kept, but for those that are known better', () => {
    const own = {
      dtype: 'q4',
      kv_cache_dtype: { q4f16: 'float16' },
      use_external_data_format: true,
    };
    const text = JSON.stringify({ a: 1, 'transformers.js_config': own, b: [1, { c: null }] });
    expect(parse(write(text))).toEqual({
      a: 1,
      'transformers.js_config': { dtype: 'q4', ...written },
      b: [1, { c: null }],
    });
  });

  test.each(['null', '3', '"x"', '[]'])('are replaced where they are %s', (own) => {
    const text = `{"transformers.js_config": ${own}}`;
    expect(parse(write(text))).toEqual({ 'transformers.js_config': written });
  });

  test('stay in their place', () => {
    const text = '{"a": 1, "transformers.js_config": {}, "b": 2}';
    expect(Object.keys(parse(write(text)))).toEqual(['a', 'transformers.js_config', 'b']);
  });
});

test('numbers that JSON lacks become null, at any depth', () => {
  const text = '{"a": NaN, "b": [1.5, -Infinity, {"c": Infinity}], "d": "NaN"}';
  expect(parse(write(text))).toEqual({
    a: null,
    b: [1.5, null, { c: null }],
    d: 'NaN',
    'transformers.js_config': written,
  });
});

test('a key such as __proto__ stays a key', () => {
  const text = '{"__proto__": {"a": 1}, "b": NaN}';
  expect(write(text)).toContain('"__proto__"');
});
