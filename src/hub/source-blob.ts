// A file as the Blob that is uploaded. Nothing is held in memory: each read goes to the file, and
// one that changed since it was opened ends the upload, as does one whose bytes have another hash.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, Hasher } from '../base/files.ts';

/** What is done about reads. */
export interface Reading {
  /** Sha256 of the whole, and what computes it. */
  readonly sha256: string;
  readonly hasher: () => Hasher;
  /** Told of bytes that go to the connection; a negative count takes some back. */
  readonly onBytes: (count: number) => void;
  /** Told why bytes cannot be read, for whoever reads may not pass that on. */
  readonly onFailure: (error: unknown) => void;
}

/** Bytes that are handed over at a time. */
const pieceBytes = 2 ** 16;

/** The bytes of a source, or a run of them. */
export class SourceBlob extends Blob {
  readonly #source: ByteSource;
  readonly #reading: Reading;
  readonly #start: number;
  readonly #end: number;
  override readonly size: number;
  /** What the latest stream has handed over. */
  #sent = 0;
  #onTaken: ((isLast: boolean) => void) | undefined;

  constructor(source: ByteSource, reading: Reading, start = 0, end: number = source.size) {
    super([]);
    this.#source = source;
    this.#reading = reading;
    this.#start = start;
    this.#end = end;
    this.size = end - start;
  }

  /** Indices from the front, as the uploader gives them. */
  override slice(start = 0, end: number = this.size): SourceBlob {
    const from = Math.min(this.#start + start, this.#end);
    const to = Math.max(from, Math.min(this.#start + end, this.#end));
    return new SourceBlob(this.#source, this.#reading, from, to);
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#read(this.#start, this.#end);
    return new Uint8Array(bytes).buffer;
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }

  /** The next stream is a connection's: its pieces are told of, counted, and held to the hash. */
  watch(onTaken: (isLast: boolean) => void): void {
    this.#onTaken = onTaken;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { sha256, hasher } = this.#reading;
    const onTaken = this.#onTaken;
    this.#onTaken = undefined;
    if (onTaken !== undefined) this.#count(-this.#sent);
    const isSentWhole = onTaken !== undefined && this.size === this.#source.size;
    const hash = isSentWhole ? hasher() : undefined;
    let at = this.#start;
    return new ReadableStream(
      {
        pull: async (controller) => {
          const to = Math.min(at + pieceBytes, this.#end);
          const bytes = new Uint8Array(await this.#read(at, to));
          hash?.update(bytes);
          // before the last piece is sent: without it the server has no file
          if (to === this.#end && hash !== undefined && hash.digest() !== sha256) {
            throw this.#changed();
          }
          if (bytes.length > 0) controller.enqueue(bytes);
          at = to;
          if (onTaken !== undefined) this.#count(bytes.length);
          onTaken?.(at === this.#end);
          if (at === this.#end) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  #count(bytes: number): void {
    this.#sent += bytes;
    this.#reading.onBytes(bytes);
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
    try {
      return await this.#source.read(start, end);
    } catch (error) {
      this.#reading.onFailure(error);
      throw error;
    }
  }

  #changed(): ToolkitError {
    const error = new ToolkitError('FILE_CHANGED', 'the file changed while it was uploaded', {
      where: { file: this.#source.name },
      fix: 'verify the folder, and run again',
    });
    this.#reading.onFailure(error);
    return error;
  }
}
