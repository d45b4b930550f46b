import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Hasher } from './files.ts';

/** sha256 in TypeScript, for where the platform has none that runs along. */
export function pureSha256(): Hasher {
  const hash = sha256.create();
  return {
    update: (bytes) => hash.update(bytes),
    digest: () => bytesToHex(hash.digest()),
  };
}
