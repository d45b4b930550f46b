import { expect, test } from 'vitest';
import { parseJson } from '../base/json.ts';
import { isObject } from './fields.ts';
import { readLabels } from './labels.ts';

function read(fields: object): {
  readonly labels: readonly string[];
  readonly warnings: readonly string[];
} {
  const map = parseJson(JSON.stringify(fields));
  if (!isObject(map)) throw new TypeError('no object');
  const warnings: string[] = [];
  return { labels: readLabels(map, (sentence) => void warnings.push(sentence)), warnings };
}

test.each([
  [{}, ['LABEL_0', 'LABEL_1']],
  [{ id2label: null }, ['LABEL_0', 'LABEL_1']],
  [{ num_labels: 3 }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
  [{ id2label: { 0: 'no', 1: 'yes' } }, ['no', 'yes']],
  [{ id2label: { 0: 'no', 1: 'yes' }, num_labels: 2 }, ['no', 'yes']],
  [{ id2label: { 0: 'only' }, problem_type: 'regression' }, ['only']],
  [{ id2label: { 0: 7 } }, ['7']],
  [{ label2id: { a: 0, b: 1, c: 2 } }, ['LABEL_0', 'LABEL_1']],
])('%j names the labels %j', (fields, labels) => {
  expect(read(fields)).toEqual({ labels, warnings: [] });
});

test('labels stand in the order of their ids, ten after nine', () => {
  const names = Object.fromEntries(
    Array.from({ length: 11 }, (_, id) => [`${10 - id}`, `l${10 - id}`]),
  );
  expect(read({ id2label: names }).labels).toEqual(Array.from({ length: 11 }, (_, id) => `l${id}`));
});

test('num_labels wins over an id2label of another length, as in transformers 5', () => {
  const { labels, warnings } = read({ num_labels: 3, id2label: { 0: 'a', 1: 'b' } });
  expect(labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
  expect(warnings).toEqual([expect.stringMatching(/2 labels.*says 3/)]);
});

test('outputs that no id names are numbered', () => {
  const { labels, warnings } = read({ id2label: { 0: 'a', 5: 'b' } });
  expect(labels).toEqual(['a', 'LABEL_1']);
  expect(warnings).toHaveLength(1);
});

test.each([
  { num_labels: null },
  { num_labels: 0 },
  { num_labels: 1e12 },
  { num_labels: '3' },
  { id2label: ['a', 'b'] },
  { id2label: { first: 'a' } },
  { id2label: { 0: null } },
  { num_labels: 1, problem_type: 'single_label_classification' },
])('%j is malformed', (fields) => {
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});
