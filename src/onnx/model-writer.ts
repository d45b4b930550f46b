// The files of one model while its weights pass by: the model file and the data file in use.
// Weights come in the order of the layout, so each file is written from front to back.

import { ToolkitError } from '../base/errors.ts';
import type { Sink, WrittenFile } from '../base/files.ts';
import type { Initializer } from '../ir/graph.ts';
import type { Frame } from './encode.ts';
import { GatheringFile } from './gathering-file.ts';
import { byteLength, type Layout } from './layout.ts';
import { isExternal } from './placement.ts';

export class ModelWriter {
  readonly #folder: string;
  readonly #sink: Sink;
  readonly #layout: Layout;
  readonly #frame: Frame;
  readonly #model: GatheringFile;
  readonly #written: WrittenFile[] = [];
  #data: { readonly name: string; readonly file: GatheringFile } | undefined;
  #target: GatheringFile;
  #index = 0;
  #end = 0;

  private constructor(
    folder: string,
    sink: Sink,
    plan: { layout: Layout; frame: Frame },
    model: GatheringFile,
  ) {
    this.#folder = folder;
    this.#sink = sink;
    this.#layout = plan.layout;
    this.#frame = plan.frame;
    this.#model = model;
    this.#target = model;
  }

  static async open(
    path: string,
    sink: Sink,
    plan: { layout: Layout; frame: Frame },
  ): Promise<ModelWriter> {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    return new ModelWriter(folder, sink, plan, new GatheringFile(await sink.create(path)));
  }

  /** Goes on to the next initializer. */
  async begin(initializer: Initializer): Promise<void> {
    await this.#writeHead();
    const place = this.#layout.places.get(initializer.name);
    if (place === undefined || !isExternal(place)) {
      this.#target = this.#model;
    } else {
      this.#target = await this.#dataFile(place.location);
      await this.#target.padTo(place.offset);
    }
    this.#end = this.#target.size + byteLength(initializer);
  }

  /** Appends to the initializer. The caller may change `bytes` once the promise has resolved. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#target.write(bytes);
  }

  /** Checks that the initializer is complete. */
  end(initializer: Initializer): void {
    if (this.#target.size === this.#end) return;
    throw new ToolkitError('INTERNAL', 'a weight has another number of bytes than its type says', {
      where: { tensor: initializer.name, missing: this.#end - this.#target.size },
    });
  }

  /** The data files, then the model file. */
  async close(): Promise<readonly WrittenFile[]> {
    await this.#writeHead();
    await this.#closeData();
    return [...this.#written, await this.#model.close()];
  }

  async #writeHead(): Promise<void> {
    const piece = this.#frame.pieces[this.#index++];
    if (piece !== undefined) await this.#model.write(piece.head);
  }

  async #dataFile(name: string): Promise<GatheringFile> {
    if (this.#data?.name === name) return this.#data.file;
    await this.#closeData();
    const file = new GatheringFile(await this.#sink.create(this.#folder + name));
    this.#data = { name, file };
    return file;
  }

  async #closeData(): Promise<void> {
    if (this.#data !== undefined) this.#written.push(await this.#data.file.close());
    this.#data = undefined;
  }
}
