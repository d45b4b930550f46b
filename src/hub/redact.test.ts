import { expect, it } from 'vitest';
import { createRedactor } from './redact.ts';

const redact = createRedactor(['own/token+1', undefined, 'short']);

it.each([
  ['the token of the run', 'it was own/token+1.', 'it was [secret].'],
  ['the same in an address', '?next=own%2Ftoken%2B1&a=1', '?next=[secret]&a=1'],
  ['a token of the Hub', `hf_${'a1'.repeat(15)}!`, '[secret]!'],
  ['a header', '{"authorization":"Bearer abc.def-1"}', '{"authorization":"Bearer [secret]"}'],
  [
    'a header in JSON in JSON',
    String.raw`"{\"a\":\"bearer xyz\"}"`,
    String.raw`"{\"a\":\"Bearer [secret]\"}"`,
  ],
  [
    'a signature',
    'x?X-Amz-Signature=0a1b&X-Amz-Date=1',
    'x?X-Amz-Signature=[secret]&X-Amz-Date=[secret]',
  ],
  [
    'what signs for a network',
    '?Policy=ab&Key-Pair-Id=cd',
    '?Policy=[secret]&Key-Pair-Id=[secret]',
  ],
  ['nothing', 'a short hf_word of a bearer', 'a short hf_word of a bearer'],
])('%s is taken out of a text', (_name, text, shown) => {
  expect(redact(text)).toBe(shown);
});
