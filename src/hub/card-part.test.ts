import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cardOf, facts, yamlOf } from '../../test/hub/model-cards.ts';
import { modelCard } from './card.ts';
import { around, partOf } from './card-part.ts';
import { splitCard } from './front-matter.ts';

describe('a README that is there', () => {
  test('keeps its text and its keys, and gets the rest', () => {
    const existing = '---\nlicense: apache-2.0 # ours\n---\n# Mine\n\nWords.';
    const card = cardOf({}, { existing, sourceCard: '---\nlicense: mit\n---\n' });
    expect(card).toMatch(/^---\nlicense: apache-2.0 # ours\nlibrary_name: transformers\.js\n/);
    expect(card).toContain('---\n# Mine\n\nWords.\n\n<!-- modernbert-onnx');
    expect(card).not.toMatch(/^# ettin-onnx$/m);
  });

  test('has its part replaced where somebody moved it, with the keys of that part', () => {
    const first = cardOf({}, { sourceCard: '---\nlicense: mit\nlanguage: en\n---\n' });
    const edited = `${first.replace('language: en', 'language: de')}\n## Later\n`;
    const second = cardOf({ task: 'feature-extraction' }, { existing: edited });
    expect(yamlOf(second)).toMatchObject({ pipeline_tag: 'feature-extraction', language: 'de' });
    expect(yamlOf(second)).not.toHaveProperty('license');
    expect(second).toMatch(/<!-- \/modernbert-onnx -->\n\n## Later\n$/);
    expect(second.match(/^## Files$/gm)).toHaveLength(1);
  });

  test('keeps YAML that is broken as text', () => {
    const existing = '---\nlicense: [mit\n---\nWords.\n';
    const card = cardOf({}, { existing });
    expect(card).toContain(`---\n\n${existing}`);
    expect(cardOf({}, { existing: card })).toBe(card);
  });

  test('loses no text to what is left of a comment', () => {
    const card = modelCard(facts);
    const [begin = ''] = /<!-- modernbert-onnx.*-->/.exec(card) ?? [];
    for (const existing of [`${begin}\nWords.\n`, `<!-- /modernbert-onnx -->\nWords.\n${begin}`]) {
      const first = cardOf({}, { existing });
      expect(first).toContain('Words.');
      expect(cardOf({}, { existing: first })).toBe(first);
    }
  });

  test('keeps keys whose values would end its comment', () => {
    const keys = { license_name: 'a --> b', license_link: '<!-- /modernbert-onnx -->' };
    expect(around(partOf(keys, 'Words.'))).toMatchObject({ isEmpty: true, written: keys });
  });

  test('is the same after a second push, whatever it was, and every line of it is there', () => {
    const begin = '<!-- modernbert-onnx: replaced by the next push {"license":"mit"} -->';
    const line = fc.oneof(
      fc.constantFrom('---', '', 'license: mit', 'tags: [a]', 'tags:', '- a', 'x: |', '  y', '...'),
      fc.constantFrom(begin, '<!-- /modernbert-onnx -->', '# A', '\uFEFF', '\t', '--- ', 'a: &b c'),
      fc.string({ unit: 'grapheme' }),
    );
    const readme = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
      .map(([lines, ending, ends]) => lines.join(ending) + (ends ? ending : ''));
    fc.assert(
      fc.property(
        fc.oneof(
          readme,
          readme.map((text) => `---\n${text}`),
        ),
        (existing) => {
          const first = cardOf({}, { existing });
          expect(cardOf({}, { existing: first })).toBe(first);
          const { body } = splitCard(existing);
          // broken YAML is text too, and a part may begin there
          const own = existing.replace(
            /<!-- modernbert-onnx: [\s\S]*<!-- \/modernbert-onnx -->/,
            '',
          );
          const lines = own
            .split(/\r?\n/)
            .filter((each) => body.trim() !== '' && body.includes(each));
          expect(lines.filter((each) => !first.includes(each.replace('\uFEFF', '')))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});
