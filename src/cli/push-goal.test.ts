import { expect, test } from 'vitest';
import { pushGoals } from './push-goal.ts';

const list = { list: 'sources.txt' };

test('two sources are not pushed to one repository', () => {
  const sources = [
    { source: 'me/a', revision: 'b', name: 'a@b' },
    { source: './A-b', name: 'A-b' },
  ];
  expect(() => pushGoals('me/{name}-onnx', list, sources)).toThrow(
    /would be pushed to the same place \(repository=me\/A-b-onnx, sources=\[me\/a@b, \.\/A-b\]\)/,
  );
});

test('revisions of one source are branches of one repository', () => {
  const [source, revisions] = ['me/a', ['step1', 'step2']];
  const sources = revisions.map((revision) => ({ source, revision, name: `a@${revision}` }));
  expect([...pushGoals('me/onnx', { source, revisions }, sources)]).toEqual([
    ['a@step1', { repository: 'me/onnx', revision: 'step1' }],
    ['a@step2', { repository: 'me/onnx', revision: 'step2' }],
  ]);
});
