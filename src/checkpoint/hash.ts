import type { ByteSource, Hasher, WrittenFile } from '../base/files.ts';
import { chunkBytes } from '../base/limits.ts';

/** Hashes a whole file, a chunk at a time. */
export async function hashSource(source: ByteSource, hasher: Hasher): Promise<WrittenFile> {
  const chunk = new Uint8Array(Math.min(chunkBytes, source.size));
  for (let start = 0; start < source.size; start += chunk.length) {
    const end = Math.min(start + chunk.length, source.size);
    hasher.update(await source.read(start, end, chunk));
  }
  return { path: source.name, size: source.size, sha256: hasher.digest() };
}
