// The bytes of an answer, read whole, unless it has no end.

import { ToolkitError } from '../base/errors.ts';
import { joined } from '../base/joined.ts';
import { placeOf } from './request.ts';

/** Reads an answer; undefined where it has more bytes than it may have. */
export async function readBody(
  response: Response,
  url: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      parts.push(part);
      size += part.byteLength;
      if (size > maxBytes) return undefined;
    }
  } catch {
    throw new ToolkitError('HUB_UNREACHABLE', 'the connection ended in the middle of an answer', {
      where: { url: placeOf(new URL(url)) },
      fix: 'check the connection, and try again',
    });
  }
  return joined(parts);
}
