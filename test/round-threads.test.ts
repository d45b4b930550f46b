// Rounding by rtn on threads gives the bytes of one thread, and the same errors.

import { describe, expect, test } from 'vitest';
import type { ConvertOptions } from '../src/convert.ts';
import type { BlockScheme, Initializer } from '../src/ir/graph.ts';
import { checkpointWeights } from '../src/model/weight-source.ts';
import type { BlockEngine } from '../src/quantize/block-engine.ts';
import { builtThreads } from './built-threads.ts';
import { convertCase } from './output-folder.ts';
import { tensorMap, tensorRef } from './tensor-refs.ts';

const threads = builtThreads(3);

const schemes: readonly BlockScheme[] = [
  { bits: 8, blockSize: 32, symmetric: true },
  { bits: 4, blockSize: 32, symmetric: false },
  { bits: 4, blockSize: 128, symmetric: true },
];

/** Codes, scales and zero points of all schemes; shapes are of no matter here. */
const forms: readonly Initializer[] = schemes.flatMap((scheme) =>
  (['codes', 'scales', 'zeros'] as const).map((part) => ({
    name: part,
    type: { dtype: part === 'scales' ? ('float32' as const) : ('uint8' as const), shape: [1] },
    recipe: { kind: 'blocks' as const, tensors: ['a', 'b'], part, scheme },
  })),
);

/** Two tensors as one; the second breaks where it is told to. */
async function valuesOf(
  [rowsA, rowsB, columns]: readonly [number, number, number],
  engine?: BlockEngine,
  bad?: number,
): Promise<readonly (readonly number[])[]> {
  const value = (i: number): number => Math.sin(i * 1.7) / (1 + (i % 5));
  const tensors = tensorMap(
    tensorRef('a', 'F32', [rowsA, columns], value),
    tensorRef('b', 'BF16', [rowsB, columns], (i) => (i === bad ? Number.NaN : value(i + 9))),
  );
  const found: number[][] = forms.map(() => []);
  await checkpointWeights(tensors, { engine }).read(forms, (form, chunk) => {
    for (const each of chunk) found[form]?.push(each);
    return Promise.resolve();
  });
  return found;
}

describe('weights rounded on threads', () => {
  test.each([
    ['rows that divide', 384, 768, 192],
    ['rows and columns that do not', 331, 511, 173],
    ['fewer rows than threads', 2, 1, 30_001],
    ['one row more than a part', 25, 13, 4100],
    ['so few that no thread is told', 3, 5, 40],
  ])('are those of one thread for %s', async (_, ...size) => {
    let asked = 0;
    const engine: BlockEngine = {
      ...threads().engine,
      roundBlocks: (job, rows) => {
        asked++;
        expect(job.codes.buffer).toBeInstanceOf(SharedArrayBuffer);
        return threads().engine.roundBlocks(job, rows);
      },
    };
    expect(await valuesOf(size, engine)).toEqual(await valuesOf(size));
    expect(asked).toBeGreaterThanOrEqual(2 * schemes.length);
  });

  test('are refused where one has no scale, by its own tensor', async () => {
    const bad = 170 * 409 + 3;
    const refused = { code: 'WEIGHT_OVERFLOW', where: { tensor: 'b', value: Number.NaN } };
    await expect(valuesOf([3, 411, 170], threads().engine, bad)).rejects.toMatchObject(refused);
    await expect(valuesOf([3, 411, 170], undefined, bad)).rejects.toMatchObject(refused);
  });
});

test('a conversion to every dtype writes the same bytes on threads', async () => {
  const options: ConvertOptions = {
    dtypes: ['fp32', 'fp16', 'q8', 'q4', 'q4f16'],
    target: 'onnxruntime',
  };
  const one = await convertCase('shakespeare', options);
  const many = await convertCase('shakespeare', { ...options, engine: threads().engine });
  expect(many.manifest.outputs).toEqual(one.manifest.outputs);
});
