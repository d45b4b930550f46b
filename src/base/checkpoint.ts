// What reading a checkpoint yields.

import type { TensorRef } from './tensors.ts';
import type { WrittenFile } from './files.ts';

export interface Checkpoint {
  /** By name, in the order of the files; names as transformers saves a head model, with `model.`. */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** What a user should know: prefixes taken off, files passed over, unknown fields. */
  readonly warnings: readonly string[];
  /** sha256 and size of every weights file, for the manifest; reads them once. */
  hashes(): Promise<readonly WrittenFile[]>;
  close(): Promise<void>;
}
