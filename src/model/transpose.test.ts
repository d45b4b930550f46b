import fc from 'fast-check';
import { expect, test } from 'vitest';
import { transposeInto } from './transpose.ts';

const marks = { untouched: -1 };

test('columns of a matrix become rows in a part of a wider one, and nothing else changes', () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 70 }),
    width: fc.integer({ min: 1, max: 70 }),
    before: fc.nat(5),
    after: fc.nat(5),
    bounds: fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
  });
  fc.assert(
    fc.property(shapes, ({ rows, width, before, after, bounds }) => {
      const [from = 0, to = 0] = bounds
        .map((part) => Math.round(part * width))
        .toSorted((a, b) => a - b);
      const source = Float32Array.from({ length: rows * width }, (_, i) => i);
      const stride = before + rows + after;
      const out = new Float32Array((to - from) * stride).fill(marks.untouched);
      transposeInto(source, rows, width, { from, to }, { out, stride, column: before });
      const expected = out.map((_, i) => {
        const [c, r] = [Math.floor(i / stride) + from, (i % stride) - before];
        return r >= 0 && r < rows ? r * width + c : marks.untouched;
      });
      expect(out).toEqual(expected);
    }),
  );
});
