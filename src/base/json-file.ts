// JSON files: a config, an index. Their size is known before they are read.

import { ToolkitError } from './errors.ts';
import type { ByteSource } from './files.ts';
import { parseJson, type JsonOptions, type JsonValue } from './json.ts';

/** Reads and parses a file of at most `maxBytes`. */
export async function readJsonFile(
  source: ByteSource,
  maxBytes: number,
  options: JsonOptions = {},
): Promise<JsonValue> {
  const where = { file: source.name };
  if (source.size > maxBytes) {
    throw new ToolkitError(
      'FILE_TOO_LARGE',
      `the file is larger than the ${maxBytes} bytes allowed`,
      {
        where: { ...where, size: source.size },
      },
    );
  }
  const text = decodeUtf8(await source.read(0, source.size));
  if (text === undefined) throw new ToolkitError('JSON_SYNTAX', 'the file is not UTF-8', { where });
  return parseJson(text, { what: source.name, ...options });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes, a byte order mark included; undefined when they are none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
