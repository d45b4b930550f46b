import { expect, test } from 'vitest';
import { ToolkitError } from '../base/errors.ts';
import type { JsonValue } from '../base/json.ts';
import { readArchitecture } from './architecture.ts';

const modelType = 'modernbert-decoder';

function read(fields: Readonly<Record<string, JsonValue>>): {
  readonly task: string | undefined;
  readonly warnings: readonly string[];
} {
  const warnings: string[] = [];
  const task = readArchitecture(
    new Map(Object.entries(fields)),
    (text) => void warnings.push(text),
  );
  return { task, warnings };
}

test.each([
  ['ModernBertDecoderForCausalLM', 'text-generation'],
  ['ModernBertDecoderForSequenceClassification', 'text-classification'],
  ['ModernBertDecoderModel', 'feature-extraction'],
])('%s means %s', (name, task) => {
  expect(read({ model_type: modelType, architectures: [name] }).task).toBe(task);
});

test.each([null, []])('architectures %j names no task', (architectures) => {
  const { task, warnings } = read({ model_type: modelType, architectures });
  expect(task).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('a config without model_type is known by its architecture', () => {
  const { task, warnings } = read({ architectures: ['ModernBertDecoderForCausalLM'] });
  expect(task).toBe('text-generation');
  expect(warnings).toEqual([expect.stringContaining('model_type')]);
});

test.each([
  ['the encoder', { model_type: 'modernbert' }, /encoder.*value=modernbert/],
  [
    'another model',
    { model_type: 'llama' },
    /no ModernBERT decoder.*value=llama.*model_type modernbert-decoder/,
  ],
  ['no model', {}, /field=model_type/],
  [
    'a head nobody ships',
    { model_type: modelType, architectures: ['ModernBertDecoderForTokenClassification'] },
    /value=ModernBertDecoderForTokenClassification/,
  ],
  [
    'a head of the encoder',
    { model_type: modelType, architectures: ['ModernBertForMaskedLM'] },
    /encoder.*value=ModernBertForMaskedLM/,
  ],
  [
    'code of its own',
    { model_type: modelType, auto_map: new Map([['AutoModel', 'x.Tagger']]) },
    /field=auto_map/,
  ],
] satisfies readonly (readonly [string, Readonly<Record<string, JsonValue>>, RegExp])[])(
  '%s is refused by name',
  (_, fields, message) => {
    expect(() => read(fields)).toThrow(message);
    expect(() => read(fields)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_ARCHITECTURE', exitStatus: 69 }),
    );
  },
);

test.each([{ model_type: 5 }, { model_type: modelType, architectures: 'X' }])(
  '%j is malformed',
  (fields) => {
    expect(() => read(fields)).toThrow(ToolkitError);
    expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  },
);

test('an empty auto_map brings no code', () => {
  expect(read({ model_type: modelType, auto_map: new Map() }).warnings).toEqual([]);
});
