// The reference of a tensor to its data file, held to rules that every runtime agrees with. Runtimes
// and ONNX's own checker differ in what they let pass, and paths out of the folder, repeated keys
// and wrong lengths have each been an attack.

import { ToolkitError } from '../base/errors.ts';
import type { ExternalRange } from './placement.ts';

/** A file beside the model: no folder, no drive, no leading dot. */
const fileName = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

const decimal = /^(0|[1-9][0-9]{0,15})$/;

const known: ReadonlySet<string> = new Set(['location', 'offset', 'length']);

export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** Reads the entries of a tensor's external_data. */
export function readExternalData(tensor: string, entries: readonly Entry[]): ExternalRange {
  const fail = (rule: string, where: Readonly<Record<string, string>> = {}): never => {
    throw new ToolkitError('ONNX_INVALID', rule, { where: { tensor, ...where } });
  };
  const values = new Map<string, string>();
  for (const { key, value } of entries) {
    if (!known.has(key))
      fail('external data has a key that is none of location, offset and length', { key });
    if (values.has(key)) fail('external data has a key twice', { key });
    values.set(key, value);
  }
  const location = values.get('location') ?? '';
  if (!fileName.test(location) || location.includes('..')) {
    fail('external data does not lie in a plain file beside the model', { location });
  }
  const number = (key: string): number => {
    const text = values.get(key) ?? fail('external data lacks its offset or length', { key });
    const value = Number(text);
    if (!decimal.test(text) || !Number.isSafeInteger(value)) {
      fail('an offset or a length is not an exact decimal number', { key, value: text });
    }
    return value;
  };
  return { location, offset: number('offset'), length: number('length') };
}
