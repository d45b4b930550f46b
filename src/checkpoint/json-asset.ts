// Small JSON files that come with a checkpoint. One that is cut off, or a page or a pointer under
// its name, is said here: the runtime that reads the copy would say less.

import { ToolkitError, type ErrorCode } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { sniff } from './sniff.ts';

/** Members of a JSON object, as JSON.parse gives them. */
export type Members = Readonly<Record<string, unknown>>;

/** All bytes of a file that should be small. */
export async function readWhole(source: ByteSource, limit: number): Promise<Uint8Array> {
  if (source.size > limit) {
    throw new ToolkitError('FILE_TOO_LARGE', `the file is larger than the ${limit} bytes allowed`, {
      where: { file: source.name, size: source.size },
      fix: 'check that it is what its name says',
    });
  }
  return source.read(0, source.size);
}

/** All bytes of a JSON file; one of another kind is called by its name. */
export async function readJsonBytes(source: ByteSource, limit: number): Promise<Uint8Array> {
  const bytes = await readWhole(source, limit);
  const kind = beginsAsJson(bytes) ? undefined : sniff(bytes, bytes.length);
  if (kind === undefined) return bytes;
  throw new ToolkitError('FILE_KIND', `a JSON file was expected, and this is ${kind.is}`, {
    where: { file: source.name },
    fix: kind.fix,
  });
}

function beginsAsJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x7b || first === 0x5b; // { or [
}

/** The JSON object that a file holds; anything else is an error of `code`. */
export function parseObject(file: string, bytes: Uint8Array, code: ErrorCode): Members {
  const text = decodeUtf8(bytes);
  try {
    const root: unknown = JSON.parse(text ?? '');
    if (isMembers(root)) return root;
  } catch {
    // said below
  }
  throw new ToolkitError(code, 'the file is not a JSON object', {
    where: { file },
    fix: 'download it again, or save it again with save_pretrained',
  });
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
