import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../../checkpoint/file-source.ts';
import { createStopFilter } from './stop-text.ts';
import { createTextStream } from './text-stream.ts';
import { createTextWriter } from './text-writer.ts';
import { openTokenizer, type Tokenizer } from './tokenizer.ts';

let tokenizer: Tokenizer;

beforeAll(async () => {
  const folder = join(import.meta.dirname, '../../../golden/shakespeare');
  tokenizer = await openTokenizer(await openFolder(folder));
});

describe('streamed text', () => {
  it('comes in whole characters, and is the text of all tokens in the end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const stream = createTextStream(tokenizer, tokenizer.encode('Before. '));
        const [, ...ids] = tokenizer.encode(text);
        const parts = [...ids.map((id) => stream.push(id)), stream.end()];
        expect(parts.join('')).toBe(text);
        const isCut = parts.some((part) => part.includes('\ufffd'));
        expect(isCut && !text.includes('\ufffd')).toBe(false);
      }),
    );
  });

  it('is what decoding all tokens gives, whatever the tokens are', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2047), { maxLength: 40 }), (ids) => {
        const stream = createTextStream(tokenizer);
        const parts = [...ids.map((id) => stream.push(id)), stream.end()];
        expect(parts.join('')).toBe(tokenizer.decode(ids));
      }),
    );
  });

  it('waits for the last token of a character', () => {
    const stream = createTextStream(tokenizer);
    const [, ...ids] = tokenizer.encode('é😀.');
    expect(ids.map((id) => stream.push(id))).toEqual(['', 'é', '', '', '', '😀', '.']);
    const cut = createTextStream(tokenizer);
    expect([cut.push(ids[2] ?? 0), cut.push(ids[3] ?? 0), cut.end()]).toEqual(['', '', '\ufffd']);
  });
});

it('waits for whole characters of a tokenizer that falls back to bytes one by one', () => {
  const bytes = new TextEncoder().encode('a😀b');
  const fallback = (ids: readonly number[]): string => {
    const text = new TextDecoder().decode(Uint8Array.from(ids));
    return text.includes('\ufffd')
      ? text.replaceAll('\ufffd', '\ufffd'.repeat(ids.length - 1))
      : text;
  };
  const stream = createTextStream({ encode: () => [], decode: fallback });
  expect([...bytes].map((byte) => stream.push(byte))).toEqual(['a', '', '', '', '😀', 'b']);
});

describe('a stop text', () => {
  const shown = (parts: readonly string[], stops: readonly string[]): readonly string[] => {
    const filter = createStopFilter(stops);
    return [...parts.map((part) => filter.push(part)), filter.end(), String(filter.stopped())];
  };

  it('ends the text before itself, wherever it is cut', () => {
    expect(shown(['ab', 'cENDd', 'e'], ['END'])).toEqual(['ab', 'c', '', '', 'true']);
    expect(shown(['a E', 'N', 'D', 'x'], ['END'])).toEqual(['a ', '', '', '', '', 'true']);
    expect(shown(['aXbY'], ['Y', 'X'])).toEqual(['a', '', 'true']);
  });

  it('holds back no more than what may be its beginning', () => {
    expect(shown(['a E', 'N', 'T', 'EN'], ['END'])).toEqual(['a ', '', 'ENT', '', 'EN', 'false']);
    expect(shown(['abc'], [])).toEqual(['abc', '', 'false']);
    expect(shown(['abc'], [''])).toEqual(['abc', '', 'false']);
  });

  it('is found in any text as in the whole', () => {
    const parts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 }));
    const stops = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(parts, stops, (some, ends) => {
        const whole = some.join('');
        const found = ends.map((end) => whole.indexOf(end)).filter((at) => at >= 0);
        const result = shown(some, ends).slice(0, -1).join('');
        // a shorter stop text may end the stream before a longer one begins earlier
        expect(whole.startsWith(result)).toBe(true);
        const isAtStop = ends.some((end) => whole.startsWith(end, result.length));
        expect(found.length === 0 ? result === whole : isAtStop).toBe(true);
        expect(ends.some((end) => result.includes(end))).toBe(false);
      }),
    );
  });

  it('ends a writer, whose text it is not part of', () => {
    const writer = createTextWriter(tokenizer, [], ['light']);
    const [, ...ids] = tokenizer.encode('what light through');
    const parts = ids.map((id) => writer.push(id));
    expect([parts.join('') + writer.end(), writer.stopped()]).toEqual(['what ', true]);
    expect(writer.text()).toBe('what ');
  });
});
