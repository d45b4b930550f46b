// A file of a sink that takes small pieces: they are gathered, so that the sink sees few writes.

import type { SinkFile, WrittenFile } from '../base/files.ts';

const gatherBytes = 2 ** 16;

export class GatheringFile {
  readonly #file: SinkFile;
  readonly #gathered: Uint8Array = new Uint8Array(gatherBytes);
  #held = 0;
  #size = 0;

  constructor(file: SinkFile) {
    this.#file = file;
  }

  /** Bytes that were given so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends. The caller may change `bytes` once the promise has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    if (this.#held + bytes.length > gatherBytes) await this.#flush();
    if (bytes.length > gatherBytes) {
      await this.#file.write(bytes);
      return;
    }
    this.#gathered.set(bytes, this.#held);
    this.#held += bytes.length;
  }

  /** Appends zeros up to `size`; never more than a page. */
  async padTo(size: number): Promise<void> {
    await this.write(new Uint8Array(size - this.#size));
  }

  async close(): Promise<WrittenFile> {
    await this.#flush();
    return this.#file.close();
  }

  async #flush(): Promise<void> {
    if (this.#held === 0) return;
    const held = this.#held;
    this.#held = 0;
    await this.#file.write(this.#gathered.subarray(0, held));
  }
}
