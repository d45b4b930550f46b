// The labels of a classifier.

import { integerOf, invalid, isObject, type Fields, type Range, type Warn } from './fields.ts';

const countRange: Range = { min: 1, max: 1_000_000 };

/** The labels in order of their ids. */
export function readLabels(fields: Fields, warn: Warn): readonly string[] {
  const named = readNames(fields);
  const value = fields.get('num_labels');
  const count =
    value === undefined ? (named?.size ?? 2) : integerOf(value, 'num_labels', countRange);
  checkProblem(fields, count);
  if (named === undefined) return numbered(count, new Map());
  if (named.size !== count) {
    warn(
      `id2label names ${named.size} labels and num_labels says ${count}: as in transformers 5 there ` +
        `are ${count}, without names (4.x takes the ${named.size})`,
    );
    return numbered(count, new Map());
  }
  const labels = numbered(count, named);
  if (labels.some((_, id) => !named.has(id))) {
    warn(`the ids in id2label are not 0 to ${count - 1}; outputs without a name are numbered`);
  }
  return labels;
}

function numbered(count: number, names: ReadonlyMap<number, string>): readonly string[] {
  return Array.from({ length: count }, (_, id) => names.get(id) ?? `LABEL_${id}`);
}

function readNames(fields: Fields): ReadonlyMap<number, string> | undefined {
  const value = fields.get('id2label') ?? null;
  if (value === null) return undefined;
  if (!isObject(value)) throw invalid('id2label', value, 'an object of labels by id is expected');
  const names = new Map<number, string>();
  for (const [key, label] of value) {
    if (!/^\d{1,9}$/.test(key)) throw invalid('id2label', key, 'whole numbers are expected as ids');
    if (typeof label !== 'string' && typeof label !== 'number') {
      throw invalid(`id2label.${key}`, label, 'a string is expected');
    }
    names.set(Number(key), String(label));
  }
  return names;
}

function checkProblem(fields: Fields, count: number): void {
  const problem = fields.get('problem_type') ?? null;
  if (problem === 'single_label_classification' && count === 1) {
    throw invalid(
      'problem_type',
      problem,
      'a classification has two labels at least, this has one',
    );
  }
}
