import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ByteSource, Hasher, WrittenFile } from '../base/files.ts';
import { chunkBytes } from '../base/limits.ts';

/** sha256 in TypeScript, for where the platform has none that runs along. */
export function pureSha256(): Hasher {
  const hash = sha256.create();
  return {
    update: (bytes) => hash.update(bytes),
    digest: () => bytesToHex(hash.digest()),
  };
}

/** Hashes a whole file, a chunk at a time. */
export async function hashSource(source: ByteSource, hasher: Hasher): Promise<WrittenFile> {
  const chunk = new Uint8Array(Math.min(chunkBytes, source.size));
  for (let start = 0; start < source.size; start += chunk.length) {
    const end = Math.min(start + chunk.length, source.size);
    hasher.update(await source.read(start, end, chunk));
  }
  return { path: source.name, size: source.size, sha256: hasher.digest() };
}
