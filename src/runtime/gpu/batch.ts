// Rows of unequal length as one list of tokens: no kernel sees padding. Long rows are cut, so that
// memory stays bounded; a piece of a row goes on where the piece before it ended.

/** What a caller appends to one row. */
export interface RowInput {
  /** The row of the cache. */
  readonly row: number;
  /** Slot of the first token: the tokens that the row has already. */
  readonly past: number;
  readonly ids: readonly number[];
  /** Which of the tokens' outputs are asked for, in ascending order. */
  readonly keep: readonly number[];
}

/** A run of tokens of one row; `keep` counts from its first token. */
export interface Piece {
  readonly row: number;
  readonly past: number;
  readonly ids: readonly number[];
  readonly keep: readonly number[];
  /** Which input it is a piece of, and from which of its tokens on. */
  readonly input: number;
  readonly from: number;
}

/** Cuts rows into batches of at most `mostTokens` tokens and `mostKept` outputs. */
export function cut(
  inputs: readonly RowInput[],
  mostTokens: number,
  mostKept: number,
): readonly (readonly Piece[])[] {
  const batches: Piece[][] = [];
  let [tokens, kept] = [mostTokens, mostKept]; // the first piece opens a batch
  for (const [input, { row, past, ids, keep }] of inputs.entries()) {
    let from = 0;
    let taken = 0;
    while (from < ids.length) {
      if (tokens >= mostTokens || (kept >= mostKept && taken < keep.length)) {
        batches.push([]);
        [tokens, kept] = [0, 0];
      }
      let to = Math.min(from + mostTokens - tokens, ids.length);
      let last = keep.findIndex((index, i) => i >= taken && index >= to);
      if (last < 0) last = keep.length;
      if (last - taken > mostKept - kept) {
        last = taken + mostKept - kept;
        to = keep[last] ?? to; // the next output's token begins the next batch
      }
      batches.at(-1)?.push({
        row,
        past: past + from,
        ids: ids.slice(from, to),
        keep: keep.slice(taken, last).map((index) => index - from),
        input,
        from,
      });
      tokens += to - from;
      kept += last - taken;
      [from, taken] = [to, last];
    }
  }
  return batches;
}

/** A batch as the kernels read it. */
export interface Packed {
  readonly tokens: number;
  readonly kept: number;
  /** Slots that the longest row fills. */
  readonly longest: number;
  /** Whether every row has one token. */
  readonly single: boolean;
  /** Whether the kept outputs are those of all tokens in order. */
  readonly keepsAll: boolean;
  readonly ids: Uint32Array<ArrayBuffer>; // [tokens]
  readonly rowTable: Uint32Array<ArrayBuffer>; // [rows, 4]: first token, tokens, past, row of the cache
  readonly tokenTable: Uint32Array<ArrayBuffer>; // [tokens, 2]: row of the batch, slot
  readonly indices: Uint32Array<ArrayBuffer>; // [kept]
}

export function pack(pieces: readonly Piece[]): Packed {
  const tokens = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
  const ids = new Uint32Array(tokens);
  const rowTable = new Uint32Array(4 * pieces.length);
  const tokenTable = new Uint32Array(2 * tokens);
  const indices: number[] = [];
  let first = 0;
  for (const [row, piece] of pieces.entries()) {
    ids.set(piece.ids, first);
    rowTable.set([first, piece.ids.length, piece.past, piece.row], 4 * row);
    for (let i = 0; i < piece.ids.length; i++) {
      tokenTable.set([row, piece.past + i], 2 * (first + i));
    }
    for (const index of piece.keep) indices.push(first + index);
    first += piece.ids.length;
  }
  return {
    tokens,
    kept: indices.length,
    longest: Math.max(0, ...pieces.map(({ past, ids: { length } }) => past + length)),
    single: pieces.every((piece) => piece.ids.length === 1),
    keepsAll: indices.length === tokens,
    ids,
    rowTable,
    tokenTable,
    indices: Uint32Array.from(indices),
  };
}

/** Blocks of at most `size` queries: [tiles, 2]: row of the batch, first query of the row. */
export function tilesOf(pieces: readonly Piece[], size: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(
    pieces.flatMap(({ ids }, row) =>
      Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => [row, i * size]).flat(),
    ),
  );
}
