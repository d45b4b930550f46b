// Bytes by name as a folder to read, the simplest there is.

import type { SourceFolder } from '../src/base/files.ts';

export function memoryFolder(
  files: ReadonlyMap<string, Uint8Array>,
  links: ReadonlyMap<string, number> = new Map(),
): SourceFolder {
  return {
    name: 'memory',
    list: async () => [...files.keys()],
    async open(name) {
      const bytes = files.get(name);
      if (bytes === undefined) return undefined;
      return {
        name,
        size: bytes.length,
        links: links.get(name) ?? 1,
        async read(start, end) {
          if (start < 0 || end < start || end > bytes.length) throw new RangeError('out of range');
          return bytes.slice(start, end);
        },
        close: async () => undefined,
      };
    },
  };
}
