import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packNibbles } from '../../quantize/nibbles.ts';
import { fileBytes, partStep } from './placement.ts';
import { spreadRows } from './spread-rows.ts';

test('rows of four bits each begin with a byte, read from the file in any whole parts', () => {
  const rows = fc.integer({ min: 0, max: 8 }).chain((half) =>
    fc.array(fc.array(fc.nat(15), { minLength: 2 * half + 1, maxLength: 2 * half + 1 }), {
      minLength: 1,
      maxLength: 30,
    }),
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 8 }), (list, steps) => {
      const length = list[0]?.length ?? 0;
      const codes = Uint8Array.from(list.flat());
      const file = packNibbles(codes, codes.length); // one run, as a tensor of uint4 is
      const place = { rowBytes: length / 2, pitch: (length + 1) / 2 };
      const spread: number[] = [];
      for (let row = 0; row < list.length; row += steps * partStep) {
        const count = Math.min(steps * partStep, list.length - row);
        const start = row * place.rowBytes;
        const bytes = file.subarray(start, start + fileBytes(place, count));
        spread.push(...spreadRows(bytes, place, count));
      }
      expect(spread).toEqual([...packNibbles(codes, length)]);
    }),
  );
});

test('rows of bytes have zeros behind them', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 9);
  expect([...spreadRows(bytes, { rowBytes: 3, pitch: 4 }, 2)]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
});
