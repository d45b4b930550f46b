import { expect, test } from 'vitest';
import { Arena } from './arena.ts';
import { callingThread } from './engine.ts';

test('arrays of a round are apart, and come again in the next round', () => {
  const asked: number[] = [];
  const arena = new Arena({
    ...callingThread,
    memory: (bytes) => {
      asked.push(bytes);
      return new ArrayBuffer(bytes);
    },
  });
  const round = (...lengths: readonly number[]): readonly Float32Array[] => {
    arena.begin();
    return lengths.map((length) => arena.floats(length));
  };
  const [first, second] = round(3, 5);
  expect(first?.buffer).not.toBe(second?.buffer);
  const again = round(2, 5);
  expect(again.map(({ length }) => length)).toEqual([2, 5]);
  expect(again.map(({ buffer }) => buffer)).toEqual([first?.buffer, second?.buffer]);
  expect(round(4)[0]).toHaveLength(4); // one that is too short is given up
  expect(asked).toEqual([12, 20, 16]);
});
