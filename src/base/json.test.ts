import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ToolkitError } from './errors.ts';
import { readJsonFile } from './json-file.ts';
import { JsonReader } from './json-reader.ts';
import { parseJson, type JsonValue } from './json.ts';

function codeOf(text: string, options = {}): string {
  try {
    parseJson(text, options);
    return 'OK';
  } catch (error) {
    if (error instanceof ToolkitError) return error.code;
    throw error;
  }
}

function plain(value: JsonValue): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  }
  return Array.isArray(value) ? value.map((item: JsonValue) => plain(item)) : value;
}

describe('parseJson', () => {
  test('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.constantFrom('', ' ', '\t\r\n'),
        (value, space) => {
          const text = space + JSON.stringify(value, null, space) + space;
          const wellFormed = !/\\ud[89a-f]/i.test(text);
          fc.pre(wellFormed && !text.includes('__proto__'));
          expect(plain(parseJson(text))).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  test('accepts nothing that JSON.parse refuses', () => {
    const tokens = [
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"b"',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\u00a0',
      '\ufeff',
      '\\',
      '"',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tokens), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        fc.pre(codeOf(text) === 'OK');
        expect(plain(parseJson(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000, maxSkipsPerRun: 1000 },
    );
  });

  test.each([
    '',
    ' ',
    '{',
    '[1',
    '[1,]',
    '{"a":1,}',
    '{,}',
    '[,]',
    "{'a':1}",
    '{a:1}',
    '{"a" 1}',
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1e',
    '0x1',
    'NaN',
    'Infinity',
    '-Infinity',
    'nul',
    'truex',
    '"',
    '"\\',
    '"\\x"',
    '"\\u12"',
    '"\n"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud800\\u0041"',
    '1 2',
    '{} {}',
    '/* */ 1',
    '\ufeff1',
    '\u00a01',
    '1\u0000',
    '\v1',
  ])('refuses %j', (text) => {
    expect(codeOf(text)).toBe('JSON_SYNTAX');
  });

  test('refuses a key that stands twice, also behind an escape', () => {
    expect(codeOf('{"a":1,"b":2,"a":1}')).toBe('JSON_DUPLICATE_KEY');
    expect(codeOf('{"a":1,"\\u0061":1}')).toBe('JSON_DUPLICATE_KEY');
    expect(codeOf('{"a":{"a":1}}')).toBe('OK');
  });

  test('keeps a key that names a prototype as a key', () => {
    const value = parseJson('{"__proto__":{"polluted":true}}');
    expect(value instanceof Map && value.get('__proto__')).toEqual(new Map([['polluted', true]]));
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('refuses nesting of 128 and takes 127', () => {
    expect(codeOf('['.repeat(127) + ']'.repeat(127))).toBe('OK');
    expect(codeOf('['.repeat(128) + ']'.repeat(128))).toBe('JSON_DEPTH');
    expect(codeOf('{"a":'.repeat(100_000))).toBe('JSON_DEPTH');
  });

  test('reads bare non-finite numbers where they are allowed', () => {
    const options = { nonFinite: true };
    expect(parseJson('[NaN, Infinity, -Infinity, -1]', options)).toEqual([
      Number.NaN,
      Infinity,
      -Infinity,
      -1,
    ]);
    expect(codeOf('-NaN', options)).toBe('JSON_SYNTAX');
    expect(codeOf('Inf', options)).toBe('JSON_SYNTAX');
  });

  test('names file, line and column', () => {
    expect(() => parseJson('{\n  "a": 1,\n  "b": ?\n}', { what: 'config.json' })).toThrow(
      'a value was expected (file=config.json, line=3, column=8)',
    );
    expect(() => parseJson('\ufeff{}')).toThrow('byte order mark');
  });
});

describe('JsonReader', () => {
  test('shows numbers as they are written', () => {
    const reader = new JsonReader('[9007199254740993, 2.0, 4e0, -0]');
    const numbers: string[] = [];
    reader.array(() => numbers.push(reader.number()));
    expect(numbers).toEqual(['9007199254740993', '2.0', '4e0', '-0']);
  });

  test('checks what it passes over', () => {
    const skipped = new JsonReader('[{"a":[1,"x",null]}]');
    skipped.skip();
    skipped.end();
    expect(() => new JsonReader('{"a":1,"a":2}').skip()).toThrow('a key twice');
  });
});

describe('readJsonFile', () => {
  const source = (bytes: Uint8Array) => ({
    name: 'config.json',
    size: bytes.length,
    read: (start: number, end: number) => Promise.resolve(bytes.slice(start, end)),
    close: () => Promise.resolve(),
  });

  test('refuses bytes that are not UTF-8 and files that are too long, by name', async () => {
    await expect(readJsonFile(source(Uint8Array.of(0x22, 0xff, 0x22)), 10)).rejects.toThrow(
      'UTF-8 (file=config.json)',
    );
    await expect(readJsonFile(source(new Uint8Array(11)), 10)).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
    });
    expect(await readJsonFile(source(new TextEncoder().encode('["é"]')), 10)).toEqual(['é']);
  });
});
