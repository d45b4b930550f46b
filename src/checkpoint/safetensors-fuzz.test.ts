// Headers changed at random. What is refused is refused with a code of the format; what is accepted
// means to JSON.parse what it means to us, and fills its file exactly.

import { expect, test } from 'vitest';
import { storedBits } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { bytesSource } from './memory-source.ts';
import { readSafetensors } from './safetensors.ts';

const mutants = 100_000;

/** A generator of random numbers below `limit` that gives the same ones every time. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const base =
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},' +
  '"b":{"dtype":"F16","shape":[3],"data_offsets":[16,22]},"c":{"dtype":"U8","shape":[],"data_offsets":[22,23]}}';
const token = /"(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|[{}[\]:,]|\s+|[^\s{}[\]:,"]+/g;
const replacements = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  ' ',
  '',
  '""',
  '"a"',
  '"b"',
  '"\\u0061"',
  '"__metadata__"',
  '"__proto__"',
  '"dtype"',
  '"shape"',
  '"data_offsets"',
  '"x"',
  'null',
  'true',
  'NaN',
  '0',
  '1',
  '2',
  '3',
  '4',
  '6',
  '7',
  '8',
  '16',
  '22',
  '23',
  '24',
  '-1',
  '-0',
  '2.0',
  '4e0',
  '01',
  '9007199254740992',
  '18446744073709551615',
  '18446744073709551616',
  '"\\ud800"',
  '\u0000',
  '/**/',
  ...Object.keys(storedBits).map((dtype) => `"${dtype}"`),
];

function mutateText(text: string, random: (limit: number) => number): string {
  const tokens = text.match(token) ?? [];
  const at = random(tokens.length);
  const other = random(tokens.length);
  const replacement = replacements[random(replacements.length)] ?? '';
  const kind = random(4);
  if (kind === 0) tokens.splice(at, 1);
  else if (kind === 1) tokens.splice(at, 0, replacement);
  else if (kind === 2) tokens.splice(at, 1, tokens[other] ?? '');
  else tokens.splice(at, 1, replacement);
  return tokens.join('');
}

function mutant(random: (limit: number) => number): Uint8Array {
  let text = base;
  const structured = random(10) < 7;
  if (structured) for (let i = random(3); i >= 0; i--) text = mutateText(text, random);
  const header = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + header.length + 23);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  if (!structured)
    for (let i = random(4); i >= 0; i--) bytes[random(8 + header.length)] = random(256);
  return bytes;
}

interface PlainEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

/** The tensors of an accepted file, by JSON.parse. */
function parsedPlainly(bytes: Uint8Array): readonly unknown[] {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, PlainEntry> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + length)),
  );
  return Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin = 0, end = 0],
        },
      ]) => ({ name, dtype, shape, size: end - begin }),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

test(`${mutants} changed headers are refused with a code, or mean what they say`, async () => {
  const random = generator(0x5afe);
  const verdicts = new Map<string, number>();
  const surprises: unknown[] = [];
  for (let i = 0; i < mutants; i++) {
    const bytes = mutant(random);
    try {
      const { tensors } = await readSafetensors(bytesSource('x', bytes));
      verdicts.set('OK', (verdicts.get('OK') ?? 0) + 1);
      const ours = tensors
        .map(({ name, dtype, shape, size }) => ({ name, dtype, shape, size }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      if (JSON.stringify(ours) !== JSON.stringify(parsedPlainly(bytes))) surprises.push(ours);
    } catch (error) {
      if (!(error instanceof ToolkitError) || !error.code.startsWith('ST_')) surprises.push(error);
      else verdicts.set(error.code, (verdicts.get(error.code) ?? 0) + 1);
    }
  }
  expect(surprises).toEqual([]);
  expect(verdicts.get('OK')).toBeGreaterThan(mutants / 100);
  expect(verdicts.size).toBeGreaterThanOrEqual(13); // every code but that for deep nesting
});
