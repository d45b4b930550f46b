import { expect, test } from 'vitest';
import { code, plain } from './markdown.ts';

test('a text means nothing, whatever stands in it', () => {
  const signs = [...'\\`*_[]<>|~&$:'];
  for (const sign of signs) expect(plain(`a${sign}b`)).toBe(`a\\${sign}b`);
  expect(plain('a\nb')).toBe('a\u{fffd}b');
});

test('a name in code ends neither the code nor the cell of a table', () => {
  expect(code('a`b|c<d>')).toBe('`a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}`');
});
