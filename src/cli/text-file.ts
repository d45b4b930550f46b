// A text in a file of the user's: UTF-8, with or without a byte order mark.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { fileSource } from '../checkpoint/file-source.ts';
import { readWhole } from '../checkpoint/json-asset.ts';

export interface TextFile {
  /** Without the mark. */
  readonly text: string;
  /** As they lie in the file. */
  readonly bytes: Uint8Array;
}

/** Reads a text of `maxBytes` at most; `what` is for messages, as in `the list of sources`. */
export async function readTextFile(
  path: string,
  what: string,
  maxBytes: number,
): Promise<TextFile> {
  const source = await fileSource(path);
  const bytes = await readWhole(source, maxBytes).finally(() => source.close());
  return { text: textOf(bytes, what, source.name), bytes };
}

/** The text of bytes; those that are none are FILE_KIND. */
export function textOf(bytes: Uint8Array, what: string, file?: string): string {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text.replace(/^\ufeff/, '');
  throw new ToolkitError('FILE_KIND', `${what} is not UTF-8`, {
    where: file === undefined ? {} : { file },
    fix: 'convert it to UTF-8',
  });
}
