import { expect, test } from 'vitest';
import { cutWindows } from './compare-windows.ts';

const tokens = [10, 11, 12, 13, 14, 15, 16];

test('a text is cut into whole windows, and the rest is told', () => {
  expect(cutWindows(tokens, 3)).toEqual({
    length: 3,
    count: 2,
    ids: BigInt64Array.of(10n, 11n, 12n, 13n, 14n, 15n),
    left: 1,
  });
  expect(cutWindows(tokens, 7)).toMatchObject({ count: 1, left: 0 });
});

test('a limit leaves out what comes behind it', () => {
  expect(cutWindows(tokens, 2, 5)).toMatchObject({ count: 2, left: 1 });
  expect(cutWindows(tokens, 2, 100)).toMatchObject({ count: 3, left: 1 });
});

test.each([
  [[], 2, undefined, /tokens=0, window=2/],
  [tokens, 8, undefined, /tokens=7, window=8.*a smaller --window/],
  [tokens, 4, 3, /tokens=3, window=4/],
])(
  'a text of less than a window is refused: %j by %i, limit %s',
  (text, window, limit, message) => {
    expect(() => cutWindows(text, window, limit)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    );
  },
);
