// Where bytes come from and where they go. The conversion knows these interfaces only, so it runs
// on a folder, on Blobs in a browser, and in a test's memory.

/** A run of bytes of known length: a file, a Blob, memory. */
export interface ByteSource {
  /** For messages: the file's name without its folder. */
  readonly name: string;
  readonly size: number;
  /**
   * On a file system, the names that share these bytes: 1 for a file of its own, more for hard
   * links; opened through a symbolic link, one more.
   */
  readonly links?: number;
  /**
   * Bytes `start` to `end`, exactly: a short read or a change of the file is an error.
   * With `into` (at least as long) the bytes are put there.
   */
  read(start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A flat folder of files to read. */
export interface SourceFolder {
  /** For messages: the folder's own name, never a path. */
  readonly name: string;
  /** The Hub repository and commit that the folder is a snapshot of, where that is known. */
  readonly hub?: { readonly id: string; readonly revision: string };
  list(): Promise<readonly string[]>;
  /** Opens a file; undefined when there is none of this name. */
  open(name: string): Promise<ByteSource | undefined>;
}

export interface WrittenFile {
  /** Path inside the output folder, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
}

/** A file being written from front to back. */
export interface SinkFile {
  /** Appends. The caller may change `bytes` once the promise has resolved. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<WrittenFile>;
}

/** A folder being written. What becomes of it when something fails is its owner's business. */
export interface Sink {
  create(path: string): Promise<SinkFile>;
}

/** A running hash. Node's and a pure one have this form. */
export interface Hasher {
  update(bytes: Uint8Array): unknown;
  /** Hexadecimal; ends the hash. */
  digest(): string;
}
