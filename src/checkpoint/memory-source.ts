// Bytes in memory and Blobs as sources: the way of a browser, and of tests.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, SourceFolder } from '../base/files.ts';
import { checkRange } from './range.ts';

/** Bytes in memory, as a file. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (start, end, into) => {
      checkRange(start, end, bytes.length, name);
      return deliver(bytes.subarray(start, end), into);
    },
    close: async () => undefined,
  };
}

/** A Blob, or a File of a browser's file dialog, as a file. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const { size } = blob;
  return {
    name,
    size,
    read: async (start, end, into) => {
      checkRange(start, end, size, name);
      const bytes = new Uint8Array(await readBlob(name, blob.slice(start, end)));
      if (bytes.length !== end - start) throw changed(name);
      return into === undefined ? bytes : deliver(bytes, into);
    },
    close: async () => undefined,
  };
}

/** Blobs and bytes by name, as a folder. */
export function blobFolder(
  name: string,
  files: Readonly<Record<string, Blob | Uint8Array>>,
): SourceFolder {
  const contents = new Map(Object.entries(files));
  return {
    name,
    list: async () => [...contents.keys()].toSorted(),
    open: async (file) => {
      const content = contents.get(file);
      if (content === undefined) return undefined;
      return content instanceof Blob ? blobSource(file, content) : bytesSource(file, content);
    },
  };
}

function deliver(bytes: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  if (into === undefined) return new Uint8Array(bytes); // slice would share a Buffer's memory
  into.set(bytes);
  return into.subarray(0, bytes.length);
}

async function readBlob(name: string, blob: Blob): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer();
  } catch (cause) {
    throw changed(name, cause);
  }
}

/** What a browser says of a File whose file was changed or taken away. */
function changed(name: string, cause?: unknown): ToolkitError {
  return new ToolkitError('FILE_CHANGED', 'the file changed while it was read', {
    where: { file: name },
    fix: 'choose it again and start over',
    cause,
  });
}
