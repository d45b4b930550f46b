import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { mergeFrontMatter, newFrontMatter, readFrontMatter, splitCard } from './front-matter.ts';

const wanted = { license: 'mit', base_model: 'org/name', tags: ['onnx', 'transformers.js'] };

describe('the YAML of a card', () => {
  test.each([
    ['---\na: 1\n---\ntext\n', { yaml: 'a: 1\n', body: 'text\n' }],
    ['\uFEFF\n--- \r\na: 1\r\n---\r\ntext', { yaml: 'a: 1\r\n', body: 'text' }],
    ['---\n---\n', { yaml: '', body: '' }],
    ['---\na: 1\n---', { yaml: 'a: 1\n', body: '' }],
    ['---\na: 1\n----\n', { body: '---\na: 1\n----\n' }],
    ['text\n---\na: 1\n---\n', { body: 'text\n---\na: 1\n---\n' }],
    ['', { body: '' }],
  ])('stands between two lines of dashes at the beginning: %j', (card, split) => {
    expect(splitCard(card)).toEqual(split);
  });

  test.each([
    ['a list', '- a\n'],
    ['a text', 'just words\n'],
    ['a broken line', 'license: [mit\n'],
    ['a key twice', 'a: 1\na: 2\n'],
    ['a key that is no text', '? [a]\n: 1\n'],
    ['two documents', 'a: 1\n...\n--- b\n'],
    ['endless aliases', `a: &a [${'x,'.repeat(9)}]\n${aliases(12)}`],
    [
      'many aliases',
      `a: [${Array.from({ length: 101 }, (_, at) => `&a${at} x, *a${at}`).join(', ')}]`,
    ],
    ['endless depth', `a: ${'['.repeat(20_000)}\n`],
    ['endless depth of a block', `a:\n ${'- '.repeat(20_000)}`],
    ['endless depth with names', `a:\n ${'- !a &b '.repeat(20_000)}`],
    ['endless depth of keys', '? '.repeat(20_000)],
    ['endless depth of keys between brackets', `a: [${'a: '.repeat(20_000)}]`],
    ['endless depth by indentation', steps(400)],
    ['more than a card has', `a: ${'x'.repeat(1_000_001)}\n`],
  ])('is not read where it is %s', (_, yaml) => {
    expect(readFrontMatter(yaml)).toBeUndefined();
    expect(mergeFrontMatter(yaml, wanted, {})).toBeUndefined();
  });
});

/** Each line is a level below the one before. */
function steps(count: number): string {
  return Array.from({ length: count }, (_, at) => `${' '.repeat(at)}a:\n`).join('');
}

/** Each names the one before ten times. */
function aliases(count: number): string {
  const names = [...'abcdefghijklmnop'].slice(0, count);
  const lines = names.slice(1).map((name, at) => {
    const before = `*${names[at] ?? ''}`;
    return `${name}: &${name} [${Array.from({ length: 10 }, () => before).join(', ')}]\n`;
  });
  return lines.join('');
}

test('YAML of many keys and long lines is read, in no long time', () => {
  const keys = Array.from({ length: 5000 }, (_, at) => `key-${at}: [${'a, {b: 1}, '.repeat(5)}]\n`);
  const line = `language: [${'en, '.repeat(500)}]\n`;
  const read = readFrontMatter(`${keys.join('')}${line}`) ?? {};
  expect(Object.keys(read)).toHaveLength(5001);
});

describe('keys put among others', () => {
  test('leave those that are there, their comments and their form', () => {
    const yaml = "# mine\nlicense: 'apache-2.0' # for now\ntags: [a, onnx]\nversion: 1.10\n";
    expect(mergeFrontMatter(yaml, wanted, {})).toEqual({
      yaml: "# mine\nlicense: 'apache-2.0' # for now\ntags: [ a, onnx, transformers.js ]\nversion: 1.10\nbase_model: org/name\n",
      ours: { base_model: 'org/name' },
    });
  });

  test('take no name of a license to the license of another', () => {
    const theirs = { license: 'other', license_name: 'theirs', license_link: 'https://a.org' };
    const { yaml } = mergeFrontMatter('license: mit\n', theirs, {}) ?? {};
    expect(yaml).toBe('license: mit\n');
  });

  test('take the place of those of the push before, unless somebody changed them', () => {
    const written = { license: 'other', license_name: 'old', base_model: 'org/old' };
    const there = 'license: other\nlicense_name: old\nbase_model: org/mine\n';
    expect(mergeFrontMatter(there, { license: 'mit', base_model: 'org/new' }, written)).toEqual({
      yaml: 'license: mit\nbase_model: org/mine\n',
      ours: { license: 'mit' },
    });
  });

  test('change no byte where they are there', () => {
    const yaml = '"base_model":   org/name\nlicense: mit   \ntags:   [transformers.js,onnx]';
    expect(mergeFrontMatter(yaml, wanted, { license: 'mit' })?.yaml).toBe(`${yaml}\n`);
  });

  test.each([
    ['a tag that is alone', 'tags: a\n', ['a', 'onnx', 'transformers.js']],
    ['no tag', 'tags:\n', ['onnx', 'transformers.js']],
    ['tags that are no texts', 'tags: [{a: 1}]\n', [{ a: 1 }]],
  ])('join their tags to %s', (_, yaml, tags) => {
    const merged = mergeFrontMatter(yaml, wanted, {})?.yaml ?? '';
    expect(readFrontMatter(merged)?.['tags']).toEqual(tags);
  });

  test('give up where an anchor would lose its aliases', () => {
    const yaml = 'tags: &t a\nothers: *t\n';
    expect(mergeFrontMatter(yaml, wanted, {})).toBeUndefined();
  });

  test('are quoted where a reader of YAML 1.1 would see no text', () => {
    const { yaml } = newFrontMatter({
      language: ['no', 'en'],
      base_model_revision: '1'.repeat(40),
    });
    expect(yaml).toContain('- "no"\n');
    expect(parse(yaml, { version: '1.1' })).toEqual({
      language: ['no', 'en'],
      base_model_revision: '1'.repeat(40),
    });
  });
});

const values = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('no', 'null', '1.10', '---', ' a ', 'a\n---\nb', '- x', '# y', '"', '%'),
  fc.integer(),
  fc.constant(null),
  fc.boolean(),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
);
const keys = fc.constantFrom(
  'license',
  'license_name',
  'base_model',
  'tags',
  'model-index',
  '~',
  '',
);

test('whatever others wrote is there after a push, and the push after it changes nothing', () => {
  fc.assert(
    fc.property(fc.dictionary(keys, values, { noNullPrototype: true }), (theirs) => {
      const { yaml } = newFrontMatter(theirs as Parameters<typeof newFrontMatter>[0]);
      const first = mergeFrontMatter(yaml, wanted, {});
      expect(first === undefined).toBe(readFrontMatter(yaml) === undefined);
      if (first === undefined) return;
      const read = readFrontMatter(first.yaml) ?? {};
      const kept = Object.entries(theirs).filter(
        ([key, value]) => key !== 'tags' && value !== null,
      );
      expect(read).toMatchObject(Object.fromEntries(kept));
      expect(splitCard(`---\n${first.yaml}---\n`).yaml).toBe(first.yaml);
      expect(mergeFrontMatter(first.yaml, wanted, first.ours)).toEqual(first);
    }),
    { numRuns: 100 },
  );
});

test('broken YAML of any kind is refused, or merged for good', () => {
  const line = fc.oneof(
    fc.constantFrom('license: mit', 'tags:', '  - a', '- b', '# c', 'a: |', '  x', '...', '--- y'),
    fc.constantFrom('a: &a 1', 'b: *a', '? c', ': d', '%YAML 1.1', '"', 'e: [', ']', '{', '\t', ''),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const yaml = lines.map((each) => `${each}\n`).join('');
      const first = mergeFrontMatter(yaml, wanted, {});
      if (first === undefined) return;
      expect(mergeFrontMatter(first.yaml, wanted, first.ours)).toEqual(first);
      expect(readFrontMatter(first.yaml)).toMatchObject({
        base_model: expect.anything() as string,
      });
    }),
    { numRuns: 500 },
  );
});
