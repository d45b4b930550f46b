import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelOf, nameSources, parseRevisions, parseSourceList } from './source-list.ts';

const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,12}$/);
const listed = fc.record(
  { source: fc.tuple(word, word).map((parts) => parts.join('/')), revision: word },
  { requiredKeys: ['source'] },
);

describe('a list of sources', () => {
  it('reads back what was written, between blank lines and comments', () => {
    const between = fc.constantFrom('\n', '\r\n', '\n\n', ' # why\n', '\n# not this\n', '\t\n  ');
    fc.assert(
      fc.property(fc.array(fc.tuple(listed, between)), (entries) => {
        const text = entries.map(([each, end]) => labelOf(each) + end).join('');
        expect(parseSourceList(text)).toEqual(entries.map(([each]) => each));
      }),
    );
  });

  it('takes a folder as it is, with spaces, @ and # in its name', () => {
    const text = './my models/run@3\n/data/a@b/c#1\n../x # the last\n';
    expect(parseSourceList(text)).toEqual([
      { source: './my models/run@3' },
      { source: '/data/a@b/c#1' },
      { source: '../x' },
    ]);
  });

  it('refuses an @ without a revision', () => {
    expect(() => parseSourceList('me/model@')).toThrow('a revision is missing');
  });
});

it('revisions are told apart by commas, and taken once', () => {
  expect(parseRevisions(' step1000, step2000,,step1000 ')).toEqual(['step1000', 'step2000']);
});

describe('names of output folders', () => {
  const namesOf = (text: string): readonly string[] =>
    nameSources(parseSourceList(text)).map(({ name }) => name);

  it('come from the folder, or from the repository and the revision', () => {
    const text = 'a/ettin-17m@step1000\na/ettin-17m\n./runs/one/\na/b@feature/x\n';
    expect(namesOf(text)).toEqual(['ettin-17m@step1000', 'ettin-17m', 'one', 'b@feature-x']);
  });

  it('stay inside the output folder, whatever the list says', () => {
    fc.assert(
      fc.property(fc.string(), word, (revision, name) => {
        const [found] = nameSources([{ source: `me/${name}`, revision }]);
        expect(found?.name).toMatch(/^[\w.-]+@[\w.-]*$/);
      }),
    );
  });

  it('refuses two of one name', () => {
    expect(() => namesOf('./a/model\n./b/Model\n')).toThrow(
      'two sources would write the same folder (folder=Model, sources=[./a/model, ./b/Model])',
    );
  });
});
