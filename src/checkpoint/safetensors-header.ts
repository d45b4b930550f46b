// The JSON of a safetensors header as entries, in one pass and without a tree: a header may be a
// hundred megabytes long. What the entries say about the file is checked in safetensors-layout.ts.

import { storedBits, type StoredDType } from '../base/dtypes.ts';
import { ToolkitError, type ErrorCode } from '../base/errors.ts';
import { JsonReader, type JsonKind } from '../base/json-reader.ts';

/** What to do about a header that breaks the format. */
export const damagedFix = 'download the file again, or save it again with save_pretrained';

/** A tensor's entry. Offsets count from the end of the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: StoredDType;
  /** Sizes that a number does not hold exactly are bigints. */
  readonly shape: readonly (number | bigint)[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Fields of entries that the format does not have: the first, and how many there are. */
  readonly unknownFields: { readonly first: string; readonly count: number } | undefined;
}

const codes = {
  syntax: 'ST_HEADER_JSON',
  depth: 'ST_HEADER_DEPTH',
  duplicate: 'ST_DUPLICATE_KEY',
} as const;

// No checkpoint comes near; two million empty tensors would fit a header and take gigabytes.
const maxTensors = 1_000_000;

/** Parses a header's text; `file` is for messages. */
export function parseHeader(text: string, file: string): Header {
  const reader = new JsonReader(text, { what: file, codes });
  const parser: Parser = { reader, file, unknown: undefined };
  const entries: HeaderEntry[] = [];
  const metadata = new Map<string, string>();
  expectKind(parser, 'object', 'the header is not a JSON object', '');
  reader.object((name) => {
    if (name === '__metadata__') readMetadata(parser, metadata);
    else entries.push(readEntry(parser, name));
    if (entries.length > maxTensors) {
      fail(parser, 'ST_HEADER_TOO_LARGE', `the header lists more than ${maxTensors} tensors`, name);
    }
  });
  reader.end();
  return { entries, metadata, unknownFields: parser.unknown };
}

interface Parser {
  readonly reader: JsonReader;
  readonly file: string;
  unknown: { first: string; count: number } | undefined;
}

function readMetadata(parser: Parser, metadata: Map<string, string>): void {
  const { reader } = parser;
  if (reader.peek() === 'null') return reader.skip();
  const rule = '__metadata__ is not an object of strings';
  expectKind(parser, 'object', rule, '__metadata__');
  reader.object((key) => {
    expectKind(parser, 'string', rule, '__metadata__');
    metadata.set(key, reader.string());
  });
}

function readEntry(parser: Parser, name: string): HeaderEntry {
  const { reader } = parser;
  let dtype: string | undefined;
  let shape: (number | bigint)[] | undefined;
  let offsets: (number | bigint)[] | undefined;
  expectKind(parser, 'object', 'the entry of a tensor is not a JSON object', name);
  reader.object((field) => {
    if (field === 'dtype') {
      expectKind(parser, 'string', 'dtype is not a string', name);
      dtype = reader.string();
    } else if (field === 'shape') shape = readIntegers(parser, field, name);
    else if (field === 'data_offsets') offsets = readIntegers(parser, field, name);
    else noteUnknown(parser, field, name);
  });
  if (dtype === undefined) return failMissing(parser, 'dtype', name);
  if (shape === undefined) return failMissing(parser, 'shape', name);
  if (offsets === undefined) return failMissing(parser, 'data_offsets', name);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) {
    return fail(parser, 'ST_HEADER_JSON', 'data_offsets is not a pair of a begin and an end', name);
  }
  if (!isStoredDType(dtype)) {
    return fail(parser, 'ST_DTYPE', 'the format has no such dtype', name, { dtype });
  }
  // an offset too large for a number lies outside any file, and is found to
  return { name, dtype, shape, begin: Number(begin), end: Number(end) };
}

const maxU64 = 2n ** 64n - 1n;

function readIntegers(parser: Parser, field: string, name: string): (number | bigint)[] {
  const { reader } = parser;
  const rule = `${field} is not a list of unsigned 64-bit integers`;
  const integers: (number | bigint)[] = [];
  expectKind(parser, 'array', rule, name);
  reader.array(() => {
    expectKind(parser, 'number', rule, name);
    const written = reader.number();
    const value = Number(written);
    if (!/^\d+$/.test(written) || value >= 2 ** 65) {
      fail(parser, 'ST_HEADER_JSON', rule, name, { got: written });
    }
    if (Number.isSafeInteger(value)) return void integers.push(value);
    const exact = BigInt(written);
    if (exact > maxU64) fail(parser, 'ST_HEADER_JSON', rule, name, { got: written });
    return void integers.push(exact);
  });
  return integers.slice(); // without the room that pushing left
}

function noteUnknown(parser: Parser, field: string, name: string): void {
  parser.reader.skip();
  parser.unknown ??= { first: `${field} of ${name}`, count: 0 };
  parser.unknown.count++;
}

/** The value is read to its end first, so that what is wrong inside is what is said. */
function expectKind(parser: Parser, kind: JsonKind, rule: string, tensor: string): void {
  if (parser.reader.peek() === kind) return;
  parser.reader.skip();
  fail(parser, 'ST_HEADER_JSON', rule, tensor);
}

function failMissing(parser: Parser, field: string, tensor: string): never {
  return fail(parser, 'ST_FIELD_MISSING', `a tensor has no ${field}`, tensor);
}

function fail(parser: Parser, code: ErrorCode, rule: string, tensor: string, where = {}): never {
  throw new ToolkitError(code, rule, {
    where: { file: parser.file, ...(tensor === '' ? {} : { tensor }), ...where },
    fix: damagedFix,
  });
}

function isStoredDType(dtype: string): dtype is StoredDType {
  return Object.hasOwn(storedBits, dtype);
}
