// config.json as consumers of the output read it: the source's own text, with the settings that
// transformers.js needs to find data files and to make a cache of the right dtype.

import type { JsonValue } from '../base/json.ts';

export interface ConsumerSettings {
  /** Data files of each model file that has any, by its name. */
  readonly dataFiles: Readonly<Record<string, number>>;
  /** dtype of the cache, by transformers.js's name for the dtype of a file. */
  readonly cacheDTypes: Readonly<Record<string, string>>;
}

const key = 'transformers.js_config';

/**
 * The text of a config.json with the settings added. Everything else stays as it was written, to
 * the byte where that is possible: Python reads `160000.0` and `160000` as different types.
 */
export function withConsumerSettings(
  text: string,
  raw: ReadonlyMap<string, JsonValue>,
  settings: ConsumerSettings,
): string {
  const value = {
    ...(Object.keys(settings.dataFiles).length > 0 && {
      use_external_data_format: settings.dataFiles,
    }),
    ...(Object.keys(settings.cacheDTypes).length > 0 && { kv_cache_dtype: settings.cacheDTypes }),
  };
  if (raw.has(key) || hasNonFinite(raw)) {
    const own = raw.get(key);
    const merged = { ...(own instanceof Map ? (toPlain(own) as object) : {}), ...value };
    return `${JSON.stringify({ ...(toPlain(raw) as object), [key]: merged }, undefined, 2)}\n`;
  }
  const body = text.trimEnd().slice(0, -1).trimEnd(); // without the closing brace
  const printed = JSON.stringify(value, undefined, 2).replaceAll('\n', '\n  ');
  return `${body}${raw.size > 0 ? ',' : ''}\n  "${key}": ${printed}\n}\n`;
}

/** JavaScript's JSON.parse, which reads the output, knows neither NaN nor Infinity. */
function hasNonFinite(value: JsonValue): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (value instanceof Map) return [...value.values()].some(hasNonFinite);
  return Array.isArray(value) && value.some(hasNonFinite);
}

/** Plain data; numbers that JSON lacks become null. */
function toPlain(value: JsonValue): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, item]) => [name, toPlain(item)]));
  }
  if (Array.isArray(value)) return value.map(toPlain);
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}
