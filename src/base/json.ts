import { JsonReader, type JsonOptions, type JsonValue } from './json-reader.ts';

/** Parses a whole text, and fails on anything JSON's grammar does not allow. */
export function parseJson(text: string, options: JsonOptions = {}): JsonValue {
  const reader = new JsonReader(text, options);
  const value = reader.value();
  reader.end();
  return value;
}

export type { JsonOptions, JsonValue } from './json-reader.ts';
