// Archives as torch.save writes them, for tests: in pieces at their offsets, so that one of several
// GiB can be a sparse file.

export interface ArchiveEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Length of the entry where it goes on with zeros that are not written. */
  readonly size?: number;
}

export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const wide = 0xffffffff;

/** A stored zip64 archive. */
export function archivePieces(entries: readonly ArchiveEntry[]): readonly Piece[] {
  const pieces: Piece[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array, size: number = bytes.length): void => {
    pieces.push({ offset: at, bytes });
    at += size;
  };
  for (const { name, bytes, size = bytes.length } of entries) {
    const nameBytes = new TextEncoder().encode(name);
    directory.push(directoryEntry(nameBytes, size, at));
    put(
      fields(
        [4, 0x04034b50],
        [2, 0],
        [2, 0x0808],
        [2, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [2, nameBytes.length],
        [2, 0],
      ),
    );
    put(nameBytes);
    put(bytes, size);
  }
  const start = at;
  for (const bytes of directory) put(bytes);
  const [size, count, end] = [at - start, entries.length, at];
  put(
    fields(
      [4, 0x06064b50],
      [8, 44],
      [2, 45],
      [2, 45],
      [4, 0],
      [4, 0],
      [8, count],
      [8, count],
      [8, size],
      [8, start],
    ),
  );
  put(fields([4, 0x07064b50], [4, 0], [8, end], [4, 1]));
  put(
    fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, wide], [2, 0]),
  );
  return pieces;
}

/** The same in one run of bytes. */
export function archiveBytes(entries: readonly ArchiveEntry[]): Uint8Array {
  const pieces = archivePieces(entries);
  const last = pieces.at(-1);
  const file = new Uint8Array((last?.offset ?? 0) + (last?.bytes.length ?? 0));
  for (const { offset, bytes } of pieces) file.set(bytes, offset);
  return file;
}

function directoryEntry(name: Uint8Array, size: number, offset: number): Uint8Array {
  const extra = fields([2, 1], [2, 24], [8, size], [8, size], [8, offset]);
  const head = fields(
    [4, 0x02014b50],
    [2, 0],
    [2, 0],
    [2, 0x0808],
    [2, 0],
    [4, 0],
    [4, 0],
    [4, wide],
    [4, wide],
    [2, name.length],
    [2, extra.length],
    [2, 0],
    [2, 0],
    [2, 0],
    [4, 0],
    [4, wide],
  );
  return join([head, name, extra]);
}

/** Little-endian numbers of 1, 2, 4 or 8 bytes. */
export function fields(
  ...values: readonly (readonly [width: number, value: number])[]
): Uint8Array {
  const size = values.reduce((sum, [width]) => sum + width, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const [width, value] of values) {
    for (let i = 0; i < width; i++) bytes[at++] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
  }
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Pickle opcodes: texts stand for their characters, numbers for bytes. */
export function pickle(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  return join(
    parts.map((part) => {
      if (typeof part === 'number') return Uint8Array.of(part);
      return typeof part === 'string' ? new TextEncoder().encode(part) : part;
    }),
  );
}

/** BINUNICODE of a text. */
export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return join([Uint8Array.of(0x58), fields([4, bytes.length]), bytes]);
}

/** LONG1 of a number of at most seven bytes, not negative. */
function long(value: number): Uint8Array {
  return join([Uint8Array.of(0x8a, 8), fields([8, value])]);
}

/** The pickle of a state dict with float32 vectors, each in a storage of its own. */
export function vectorsPickle(vectors: Readonly<Record<string, number>>): Uint8Array {
  return statePickle(Object.entries(vectors).map(([name, length]) => ({ name, shape: [length] })));
}

/** The same with vectors and matrices; a storage has the number of its place. */
export function statePickle(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
): Uint8Array {
  const items = tensors.map(({ name, shape }, key) =>
    pickle(
      text(name),
      'ctorch._utils\n_rebuild_tensor_v2\n((',
      text('storage'),
      'ctorch\nFloatStorage\n',
      text(String(key)),
      text('cpu'),
      long(shape.reduce((product, size) => product * size, 1)),
      'tQ',
      long(0),
      ...shape.map((size) => long(size)),
      0x84 + shape.length, // TUPLE1 or TUPLE2
      ...(shape.length === 2 ? [long(shape[1] ?? 1)] : []),
      'K',
      1,
      0x84 + shape.length,
      0x89,
      '}tR',
    ),
  );
  return pickle(0x80, 2, '}(', ...items, 'u.');
}
