import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/runtime/gpu/device.ts';
import { runKernel, testDevice } from '../../test/gpu.ts';
import { logitRecipes, logitsOf, wordsOf } from '../../test/logits.ts';
import { topK, topKPairs } from './kernel.ts';

let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

interface Row {
  readonly total: number;
  readonly pairs: readonly (readonly [logit: number, id: number])[];
}

const shapes = [
  { columns: 1, k: 1 },
  { columns: 3, k: 2 },
  { columns: 3, k: 50 },
  { columns: 389, k: 1 },
  { columns: 389, k: 40 },
  { columns: 2048, k: 256 },
  { columns: 50_368, k: 64 },
];

test.each(shapes)('the $k largest of $columns logits are found', async (shape) => {
  const { columns } = shape;
  const cases = fc.record({ recipes: logitRecipes, temperature: fc.constantFrom(1, 0.25, 3) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ recipes, temperature }) => {
      const rows = logitsOf(recipes, columns);
      const found = await topOf(shape, rows, temperature);
      for (const [i, row] of rows.entries()) {
        expect(found[i]?.pairs).toEqual(largest(row, shape.k));
        const want = logSumExp(row, temperature);
        if (want === undefined) continue;
        expect(
          Math.abs((found[i]?.total ?? Number.NaN) - want) / (1 + Math.abs(want)),
        ).toBeLessThan(1e-5);
      }
    }),
    { numRuns: columns > 10_000 ? 10 : 40 },
  );
});

test('NaN comes after all numbers, and in no sum', async () => {
  const row = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, 2, Number.NaN, 1);
  const [found] = await topOf({ columns: 5, k: 4 }, [row], 1);
  expect(found?.pairs.map(([, id]) => id)).toEqual([2, 4, 1, 0]);
  expect(found?.total).toBeCloseTo(Math.log(Math.exp(2) + Math.exp(1)), 5);
});

async function topOf(
  shape: { readonly columns: number; readonly k: number },
  rows: readonly Float32Array[],
  temperature: number,
): Promise<readonly Row[]> {
  const pairs = topKPairs(shape);
  const { top = [] } = await runKernel(
    device,
    topK(shape, device.limits),
    { kept: rows.length },
    {
      logits: wordsOf(rows),
      settings: new Uint32Array(Float32Array.of(1, temperature, 0).buffer),
      top: new Uint32Array(rows.length * pairs * 2),
    },
  );
  const words = Uint32Array.from(top);
  const floats = new Float32Array(words.buffer);
  return rows.map((_, row) => {
    const first = row * pairs * 2;
    const places = Array.from({ length: pairs - 1 }, (__, i) => first + 2 * (i + 1));
    return {
      total: floats[first] ?? Number.NaN,
      pairs: places.map((at) => [floats[at] ?? 0, words[at + 1] ?? 0] as const).toSorted(order),
    };
  });
}

/** The k largest, the lowest ids first among equals. */
function largest(row: Float32Array, k: number): Row['pairs'] {
  return Array.from(row, (logit, id) => [logit, id] as const)
    .toSorted(order)
    .slice(0, k);
}

function order([a, i]: readonly [number, number], [b, j]: readonly [number, number]): number {
  const [left, right] = [a, b].map((x) => (Number.isNaN(x) ? Number.NEGATIVE_INFINITY : x));
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
  if (left === right) return i - j;
  return (left ?? 0) > (right ?? 0) ? -1 : 1;
}

/** Undefined where no logit is finite, or float32 has no such number. */
function logSumExp(row: Float32Array, temperature: number): number | undefined {
  const most = Math.max(...row) / temperature;
  if (!(Math.abs(most) < 3e38)) return undefined;
  const sum = row.reduce((total, logit) => total + Math.exp(logit / temperature - most), 0);
  return most + Math.log(sum);
}
