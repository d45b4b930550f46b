// A model file and its data files, opened once each and closed together.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, SourceFolder } from '../base/files.ts';

export interface OpenFiles {
  /** Opens a file, or gives it again; a file that is not there is an error. */
  open(name: string): Promise<ByteSource>;
  close(): Promise<void>;
}

export function openFiles(folder: SourceFolder): OpenFiles {
  const opened = new Map<string, Promise<ByteSource>>();
  return {
    open(name) {
      const file = opened.get(name) ?? openFile(folder, name);
      opened.set(name, file);
      return file;
    },
    async close() {
      const files = await Promise.allSettled(opened.values());
      opened.clear();
      for (const file of files) if (file.status === 'fulfilled') await file.value.close();
    },
  };
}

async function openFile(folder: SourceFolder, name: string): Promise<ByteSource> {
  const file = await folder.open(name);
  if (file !== undefined) return file;
  throw new ToolkitError('INPUT_MISSING', 'a file of the model is not there', {
    where: { folder: folder.name, file: name },
    fix: 'check the path, copy the model with its data files, or convert again',
  });
}
