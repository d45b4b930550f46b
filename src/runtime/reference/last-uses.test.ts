import { expect, test } from 'vitest';
import type { Node } from '../../ir/graph.ts';
import { lastUses } from './last-uses.ts';

const node = (inputs: readonly string[], outputs: readonly string[]): Node => ({
  domain: '',
  op: 'Add',
  inputs,
  outputs,
  attributes: {},
});

test('a value ends at its last reader, and one that nobody reads where it is made', () => {
  const nodes = [
    node(['x', 'w'], ['a', 'idle']),
    node(['a', 'a'], ['b']),
    node(['a', 'x', ''], ['c']),
    node(['c', 'b'], ['y', '']),
  ];
  expect(lastUses(nodes, ['y'])).toEqual([['w', 'idle'], [], ['a', 'x'], ['c', 'b']]);
});

test('an output never ends, even where a later node reads it', () => {
  const nodes = [node(['x'], ['y']), node(['y'], ['z'])];
  expect(lastUses(nodes, ['y', 'z'])).toEqual([['x'], []]);
});
