// Typed reads of config.json. transformers 5.18 refuses a field of the wrong type, null included,
// so a wrong type is never a default here; the message names the field and shows its value.

import { ToolkitError } from '../base/errors.ts';
import type { JsonValue } from '../base/json.ts';

/** The fields of a JSON object by name. */
export type Fields = ReadonlyMap<string, JsonValue>;

/** Takes a sentence for the user. */
export type Warn = (sentence: string) => void;

/** Bounds of a number, both allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** The bounds in words, where the numbers say less. */
  readonly says?: string;
}

/** A size: runtimes index a dimension with 31 bits. */
export const sizeRange: Range = { min: 1, max: 2 ** 31 - 1 };

/** A whole number. `4.0` is read as 4. */
export function integer(fields: Fields, name: string, fallback: number, range: Range): number {
  const value = fields.get(name);
  if (value === undefined) return fallback;
  return integerOf(value, name, range);
}

/** A whole number, or undefined where the field is missing or null. */
export function optionalInteger(fields: Fields, name: string, range: Range): number | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null) return undefined;
  return integerOf(value, name, range);
}

/** Checks that a value is a whole number in its range. */
export function integerOf(value: JsonValue, field: string, range: Range): number {
  const { min, max, says = `a whole number from ${min} to ${max}` } = range;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(field, value, `${says} is expected`);
  }
  return value;
}

/** A finite number. */
export function real(fields: Fields, name: string, fallback: number, range: Range): number {
  const value = fields.get(name);
  return value === undefined ? fallback : realOf(value, name, range);
}

/** Checks that a value is a number in its range. */
export function realOf(value: JsonValue, field: string, range: Range): number {
  const { min, max, says = `a number from ${min} to ${max}` } = range;
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalid(field, value, `${says} is expected`);
  }
  return value;
}

/** True or false. */
export function flag(fields: Fields, name: string, fallback: boolean): boolean {
  const value = fields.get(name) ?? (fields.has(name) ? null : fallback);
  if (typeof value !== 'boolean') throw invalid(name, value, 'true or false is expected');
  return value;
}

/** A string. */
export function text(fields: Fields, name: string, fallback: string): string {
  const value = fields.get(name) ?? (fields.has(name) ? null : fallback);
  if (typeof value !== 'string') throw invalid(name, value, 'a string is expected');
  return value;
}

/** Whether a value is an object. */
export function isObject(value: JsonValue | undefined): value is Fields {
  return value instanceof Map;
}

/** The failure of a field that means nothing. */
export function invalid(field: string, value: JsonValue, rule: string): ToolkitError {
  return new ToolkitError('CONFIG_INVALID', `config.json is malformed: ${rule}`, {
    where: { field, value: show(value) },
  });
}

/** The failure of a field that means something this toolkit cannot do; `why` is a sentence. */
export function unsupported(field: string, value: JsonValue, why: string): ToolkitError {
  return new ToolkitError('UNSUPPORTED_CONFIG', why, { where: { field, value: show(value) } });
}

/** A value as JSON, for messages. */
export function show(value: JsonValue): string {
  if (isObject(value)) {
    const members = [...value].map(([key, member]) => `${JSON.stringify(key)}: ${show(member)}`);
    return `{${members.join(', ')}}`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => show(item)).join(', ')}]`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
