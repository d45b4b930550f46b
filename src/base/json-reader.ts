// A strict JSON reader. JSON.parse takes duplicate keys, rounds integers and gives no sight of a
// number's text, so a hostile header could mean two things to two readers.

import { ToolkitError, type ErrorCode } from './errors.ts';
import { maxJsonDepth } from './limits.ts';

/** A JSON value; an object is a map, so that a key such as `__proto__` is a key and no more. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>;

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** The codes a reader fails with. */
export interface JsonCodes {
  readonly syntax: ErrorCode;
  readonly depth: ErrorCode;
  readonly duplicate: ErrorCode;
}

export interface JsonOptions {
  /** Read bare NaN, Infinity and -Infinity, which Python writes, as numbers. */
  readonly nonFinite?: boolean;
  /** The file's name, for messages. */
  readonly what?: string;
  readonly codes?: JsonCodes;
}

const standardCodes: JsonCodes = {
  syntax: 'JSON_SYNTAX',
  depth: 'JSON_DEPTH',
  duplicate: 'JSON_DUPLICATE_KEY',
};

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const nonFinitePattern = /NaN|-?Infinity/y;
const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads a text value by value: a caller who knows the form of a document reads a hundred megabytes
 * of it without building a tree, and sees numbers as they are written.
 */
export class JsonReader {
  readonly #text: string;
  readonly #nonFinite: boolean;
  readonly #what: string | undefined;
  readonly #codes: JsonCodes;
  #at = 0;
  #depth = 0;

  constructor(text: string, { nonFinite = false, what, codes = standardCodes }: JsonOptions = {}) {
    this.#text = text;
    this.#nonFinite = nonFinite;
    this.#what = what;
    this.#codes = codes;
    if (text.charCodeAt(0) === 0xfeff) {
      this.#fail('JSON begins with a value, and this begins with a byte order mark');
    }
  }

  /** What comes next. */
  peek(): JsonKind {
    const char = this.#next();
    if (char === 0x7b) return 'object';
    if (char === 0x5b) return 'array';
    if (char === 0x22) return 'string';
    if (char === 0x74 || char === 0x66) return 'boolean';
    if (char === 0x6e) return 'null';
    if (char === 0x2d || (char >= 0x30 && char <= 0x39)) return 'number';
    if (this.#nonFinite && (char === 0x4e || char === 0x49)) return 'number';
    return this.#fail('a value was expected');
  }

  /** An object; `member` reads the value of each key. */
  object(member: (key: string) => void): void {
    this.#enter('{');
    if (this.#close(0x7d)) return;
    const first = this.#key();
    member(first);
    let seen: Set<string> | undefined;
    while (!this.#close(0x7d)) {
      this.#expect(',');
      const start = this.#at;
      const key = this.#key();
      seen ??= new Set([first]);
      if (seen.has(key)) {
        this.#at = start;
        this.#fail('an object holds a key twice', this.#codes.duplicate, { key });
      }
      seen.add(key);
      member(key);
    }
  }

  /** An array; `item` reads each element. */
  array(item: () => void): void {
    this.#enter('[');
    if (this.#close(0x5d)) return;
    item();
    while (!this.#close(0x5d)) {
      this.#expect(',');
      item();
    }
  }

  string(): string {
    this.#expect('"');
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (; ; at++) {
      const char = text.charCodeAt(at);
      if (char === 0x22) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (char === 0x5c) break;
      if (!(char >= 0x20)) this.#badCharacter(at);
    }
    this.#at = at;
    return text.slice(start, at) + this.#escaped();
  }

  /** A number as it is written. */
  number(): string {
    this.#next();
    const written = this.#match(numberPattern);
    if (written !== undefined) return written;
    const special = this.#nonFinite ? this.#match(nonFinitePattern) : undefined;
    return special ?? this.#fail('a number was expected');
  }

  value(): JsonValue {
    switch (this.peek()) {
      case 'object': {
        const members = new Map<string, JsonValue>();
        this.object((key) => void members.set(key, this.value()));
        return members;
      }
      case 'array': {
        const items: JsonValue[] = [];
        this.array(() => void items.push(this.value()));
        return items;
      }
      case 'string':
        return this.string();
      case 'number':
        return Number(this.number());
      case 'boolean':
        if (this.#text.charCodeAt(this.#at) === 0x66) return this.#literal('false', false);
        return this.#literal('true', true);
      case 'null':
        return this.#literal('null', null);
    }
  }

  /** Passes over a value, checked but not kept. */
  skip(): void {
    const kind = this.peek();
    if (kind === 'object') this.object(() => this.skip());
    else if (kind === 'array') this.array(() => this.skip());
    else this.value();
  }

  /** Fails unless only white space is left. */
  end(): void {
    this.#next();
    if (this.#at < this.#text.length) this.#fail('the text goes on after its value');
  }

  #key(): string {
    const key = this.string();
    this.#expect(':');
    return key;
  }

  #enter(bracket: string): void {
    this.#expect(bracket);
    this.#depth++;
    if (this.#depth >= maxJsonDepth) {
      this.#fail('objects and arrays are nested too deeply', this.#codes.depth, {
        limit: maxJsonDepth - 1,
      });
    }
  }

  #close(bracket: number): boolean {
    if (this.#next() !== bracket) return false;
    this.#at++;
    this.#depth--;
    return true;
  }

  /** The character after white space, not taken; NaN at the end. */
  #next(): number {
    for (; ; this.#at++) {
      const char = this.#text.charCodeAt(this.#at);
      if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return char;
    }
  }

  #expect(char: string): void {
    if (this.#next() !== char.charCodeAt(0)) this.#fail(`${char} was expected`);
    this.#at++;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail(`${word} was expected`);
    this.#at += word.length;
    return value;
  }

  /** The rest of a string, from its first backslash. */
  #escaped(): string {
    const parts: string[] = [];
    let start = this.#at;
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === 0x22) {
        parts.push(this.#text.slice(start, this.#at++));
        return parts.join('');
      }
      if (!(char >= 0x20)) this.#badCharacter(this.#at);
      if (char !== 0x5c) {
        this.#at++;
        continue;
      }
      parts.push(this.#text.slice(start, this.#at), this.#escape());
      start = this.#at;
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at + 1);
    if (letter !== 'u') {
      const simple = Object.hasOwn(simpleEscapes, letter) ? simpleEscapes[letter] : undefined;
      if (simple === undefined) this.#fail('a backslash stands before none of "\\/bfnrtu');
      this.#at += 2;
      return simple;
    }
    const unit = this.#unit();
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = unit < 0xdc00 && this.#text.startsWith('\\u', this.#at) ? this.#unit() : 0;
    if (low < 0xdc00 || low > 0xdfff) this.#fail('a surrogate stands without its other half');
    return String.fromCharCode(unit, low);
  }

  #unit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits))
      this.#fail('\\u stands without its four hexadecimal digits');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #badCharacter(at: number): never {
    this.#at = at;
    if (at >= this.#text.length) return this.#fail('a string has no end');
    return this.#fail('a string holds a control character that is not escaped');
  }

  #fail(rule: string, code: ErrorCode = this.#codes.syntax, where = {}): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    throw new ToolkitError(code, rule, {
      where: {
        ...(this.#what === undefined ? {} : { file: this.#what }),
        ...where,
        line,
        column: this.#at - before.lastIndexOf('\n'),
      },
      fix: 'correct the file there, or get it again',
    });
  }
}
