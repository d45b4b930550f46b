import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, pack, type RowInput, tilesOf } from './batch.ts';

/** Rows of unequal lengths, some empty, some on top of a cache, with any outputs kept. */
const inputs = fc
  .array(
    fc.record({
      past: fc.nat(50),
      ids: fc.array(fc.nat(999), { maxLength: 40 }),
      keeps: fc.infiniteStream(fc.boolean()),
    }),
    { maxLength: 8 },
  )
  .map((rows) =>
    rows.map(({ past, ids, keeps }, row): RowInput => {
      const keep = [...ids.keys()].filter(() => keeps.next().value === true);
      return { row: row * 2 + 1, past, ids, keep };
    }),
  );
const most = fc.integer({ min: 1, max: 30 });

describe('cut', () => {
  it('loses nothing, keeps the order, and honors both limits', () => {
    fc.assert(
      fc.property(inputs, most, most, (rows, mostTokens, mostKept) => {
        const batches = cut(rows, mostTokens, mostKept);
        for (const pieces of batches) {
          const tokens = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
          const kept = pieces.reduce((sum, { keep }) => sum + keep.length, 0);
          expect(tokens).toBeGreaterThan(0);
          expect(tokens).toBeLessThanOrEqual(mostTokens);
          expect(kept).toBeLessThanOrEqual(mostKept);
          const places = pieces.map(({ input }) => input);
          expect(new Set(places).size).toBe(places.length); // a row is once in a batch
        }
        const pieces = batches.flat();
        for (const [index, { row, past, ids, keep }] of rows.entries()) {
          const own = pieces.filter(({ input }) => input === index);
          expect(own.flatMap((piece) => piece.ids)).toEqual(ids);
          expect(own.flatMap((piece) => piece.keep.map((at) => at + piece.from))).toEqual(keep);
          for (const piece of own) {
            expect([piece.row, piece.past]).toEqual([row, past + piece.from]);
            for (const at of piece.keep) expect(at).toBeLessThan(piece.ids.length);
          }
        }
        expect(pieces.map(({ input }) => input)).toEqual(
          pieces.map(({ input }) => input).toSorted((a, b) => a - b),
        );
      }),
    );
  });

  it('fills batches: no more than limits ask for', () => {
    fc.assert(
      fc.property(inputs, most, (rows, mostTokens) => {
        const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
        const batches = cut(rows, mostTokens, Number.POSITIVE_INFINITY);
        expect(batches).toHaveLength(Math.ceil(tokens / mostTokens));
      }),
    );
  });
});

describe('pack', () => {
  it('lays rows one after the other, with a slot for each token and no padding', () => {
    fc.assert(
      fc.property(inputs, (rows) => {
        const pieces = cut(rows, 1000, 1000)[0] ?? [];
        const packed = pack(pieces);
        const ids = pieces.flatMap((piece) => piece.ids);
        expect([...packed.ids]).toEqual(ids);
        expect(packed.tokens).toBe(ids.length);
        const kept: number[] = [];
        for (const [row, piece] of pieces.entries()) {
          const [first = 0, count = 0, past, own] = packed.rowTable.subarray(4 * row, 4 * row + 4);
          expect([count, past, own]).toEqual([piece.ids.length, piece.past, piece.row]);
          for (let i = 0; i < count; i++) {
            const token = packed.tokenTable.subarray(2 * (first + i), 2 * (first + i) + 2);
            expect([...token]).toEqual([row, piece.past + i]);
          }
          kept.push(...piece.keep.map((at) => first + at));
        }
        expect([...packed.indices]).toEqual(kept);
        expect(packed.kept).toBe(kept.length);
        expect(packed.keepsAll).toBe(kept.length === ids.length);
        expect(packed.single).toBe(pieces.every((piece) => piece.ids.length === 1));
        expect(packed.longest).toBe(
          Math.max(0, ...pieces.map((piece) => piece.past + piece.ids.length)),
        );
      }),
    );
  });

  it('of nothing is empty', () => {
    expect(pack([])).toMatchObject({ tokens: 0, kept: 0, longest: 0 });
    expect(cut([], 10, 10)).toEqual([]);
  });
});

describe('tiles', () => {
  it('cover every query of every row once', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 9 }), (rows, size) => {
        const pieces = cut(rows, 1000, 1000)[0] ?? [];
        const words = tilesOf(pieces, size);
        const covered = pieces.map(({ ids }) => ids.map(() => 0));
        for (let tile = 0; tile < words.length; tile += 2) {
          const [row = 0, first = 0] = words.subarray(tile, tile + 2);
          const queries = covered[row] ?? [];
          expect(first).toBeLessThan(queries.length);
          for (let i = first; i < Math.min(first + size, queries.length); i++) {
            queries[i] = (queries[i] ?? 0) + 1;
          }
        }
        expect(covered.flat().every((times) => times === 1)).toBe(true);
      }),
    );
  });
});
