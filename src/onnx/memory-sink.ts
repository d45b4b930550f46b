// Files that are written into memory: for a browser, and for tests.

import { ToolkitError } from '../base/errors.ts';
import type { Sink, SinkFile } from '../base/files.ts';
import { pureSha256 } from '../base/sha256.ts';

export interface MemorySink extends Sink {
  /** The finished files' bytes, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A sink that keeps what is written. */
export function memorySink(): MemorySink {
  const files = new Map<string, Uint8Array>();
  const taken = new Set<string>();
  const create = async (path: string): Promise<SinkFile> => {
    if (taken.has(path)) {
      throw new ToolkitError('INTERNAL', 'a file is created twice', { where: { path } });
    }
    taken.add(path);
    return memoryFile(path, (bytes) => files.set(path, bytes));
  };
  return { files, create };
}

function memoryFile(path: string, finish: (bytes: Uint8Array) => void): SinkFile {
  const hash = pureSha256();
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    async write(bytes) {
      hash.update(bytes);
      chunks.push(bytes.slice());
      size += bytes.length;
    },
    async close() {
      const whole = new Uint8Array(size);
      let at = 0;
      for (const chunk of chunks.splice(0)) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      finish(whole);
      return { path, size, sha256: hash.digest() };
    },
  };
}
