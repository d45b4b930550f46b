// Slabs and panels are made tiny here, so that small tensors cross their borders.

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { tensorMap, tensorRef } from '../../test/tensor-refs.ts';
import type { FloatDType } from '../base/dtypes.ts';
import type { TensorRef } from '../base/tensors.ts';
import type { Graph, Initializer } from '../ir/graph.ts';
import type { Tensors } from './bind.ts';
import { rotaryRows } from './rotary.ts';
import { checkpointWeights, weightBytes, type CheckpointWeights } from './weight-source.ts';

vi.mock('../base/limits.ts', async (original) => ({
  ...(await original<object>()),
  chunkBytes: 64,
  panelBytes: 256,
}));

const dtypes: readonly FloatDType[] = ['F32', 'F16', 'BF16', 'F64'];

/** Values that every dtype holds exactly. */
const valueAt = (seed: number, index: number): number => ((index * 7 + seed * 13) % 251) - 125;

function weight(
  shape: readonly number[],
  tensors: readonly string[],
  transpose: boolean,
): Initializer {
  return {
    name: 'w',
    type: { dtype: 'float32', shape },
    recipe: { kind: 'weight', tensors, transpose },
  };
}

/** All values of an initializer. */
async function valuesOf(
  weights: CheckpointWeights,
  initializer: Initializer,
): Promise<readonly number[]> {
  const values: number[] = [];
  await weights.read([initializer], async (_, chunk) => {
    values.push(...chunk);
    chunk.fill(Number.NaN); // what is given out is the reader's until it is done with it
  });
  return values;
}

function graphOf(...initializers: readonly Initializer[]): Graph {
  return { name: 'g', inputs: [], outputs: [], initializers, nodes: [], values: [] };
}

const part = fc.record({
  rows: fc.integer({ min: 1, max: 30 }),
  dtype: fc.constantFrom(...dtypes),
});

/** Parts of one width, a matrix for each. */
const parts = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  parts: fc.array(part, { minLength: 1, maxLength: 3 }),
});

function tensorsOf(list: readonly { rows: number; dtype: FloatDType }[], width: number): Tensors {
  return tensorMap(
    ...list.map(({ rows, dtype }, seed) =>
      tensorRef(`part${seed}`, dtype, [rows, width], (i) => valueAt(seed, i)),
    ),
  );
}

describe('the values of a weight', () => {
  test('are those of its tensors, one behind the other', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async ({ width, parts: list }) => {
        const tensors = tensorsOf(list, width);
        const rows = list.reduce((sum, each) => sum + each.rows, 0);
        const initializer = weight([rows, width], [...tensors.keys()], false);
        const expected = list.flatMap((each, seed) =>
          Array.from({ length: each.rows * width }, (_, i) => valueAt(seed, i)),
        );
        expect(await valuesOf(checkpointWeights(tensors), initializer)).toEqual(expected);
      }),
    );
  });

  test('are those of its tensors, transposed and side by side', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async ({ width, parts: list }) => {
        const tensors = tensorsOf(list, width);
        const rows = list.reduce((sum, each) => sum + each.rows, 0);
        const initializer = weight([width, rows], [...tensors.keys()], true);
        const expected = Array.from({ length: width }, (_, column) =>
          list.flatMap((each, seed) =>
            Array.from({ length: each.rows }, (_unused, row) =>
              valueAt(seed, row * width + column),
            ),
          ),
        ).flat();
        let read = 0;
        const weights = checkpointWeights(tensors, { onRead: (bytes) => (read += bytes) });
        expect(await valuesOf(weights, initializer)).toEqual(expected);
        expect(read).toBe(weightBytes(graphOf(initializer), tensors));
      }),
    );
  });

  test('are a rotary table where the recipe says so', async () => {
    const initializer: Initializer = {
      name: 'cos',
      type: { dtype: 'float32', shape: [50, 3] },
      recipe: { kind: 'rotary', fn: 'cos', theta: 10_000 },
    };
    const expected = rotaryRows('cos', 10_000, 3, { from: 0, to: 50 });
    expect(await valuesOf(checkpointWeights(new Map()), initializer)).toEqual([...expected]);
  });

  test('are read in several panels, and the tensor for each of them', async () => {
    const tensors = tensorMap(tensorRef('part0', 'F32', [20, 9], (i) => i));
    const initializer = weight([9, 20], ['part0'], true); // panels of 3 rows: 256 / 4 / 20
    expect(weightBytes(graphOf(initializer), tensors)).toBe(3 * 20 * 9 * 4);
  });
});

describe('values that are not finite', () => {
  const bad = (index: number): number =>
    [3, 40].includes(index) ? Number.NaN : index === 89 ? Number.NEGATIVE_INFINITY : 65_504;

  test.each(dtypes)(
    'are counted by tensor, once however often it is read, in %s',
    async (dtype) => {
      const tensors = tensorMap(
        tensorRef('bad', dtype, [10, 9], bad),
        tensorRef('good', dtype, [10, 9], (i) => i),
      );
      const weights = checkpointWeights(tensors);
      await valuesOf(weights, weight([9, 20], ['bad', 'good'], true));
      expect(weights.nonFinite()).toEqual([{ name: 'bad', count: 3 }]);
      await valuesOf(weights, weight([10, 9], ['good'], false));
      expect(weights.nonFinite()).toEqual([{ name: 'bad', count: 3 }]);
    },
  );
});

describe('a failure', () => {
  /** A tensor that can be read to a point. */
  function breaking(after: number): TensorRef {
    const tensor = tensorRef('w', 'F32', [40, 4], (i) => i);
    return {
      ...tensor,
      read: (start, end, into) =>
        end > after ? Promise.reject(new Error('the disk is gone')) : tensor.read(start, end, into),
    };
  }

  test.each([0, 64, 128, 600])('of a read beyond byte %i ends the weight', async (after) => {
    const weights = checkpointWeights(tensorMap(breaking(after)));
    await expect(valuesOf(weights, weight([40, 4], ['w'], false))).rejects.toThrow('disk is gone');
    await expect(valuesOf(weights, weight([4, 40], ['w'], true))).rejects.toThrow('disk is gone');
  });

  test('of a reader leaves no read behind that nobody waits for', async () => {
    const weights = checkpointWeights(tensorMap(breaking(64)));
    const full = async (): Promise<void> => {
      throw new Error('the disk is full');
    };
    const read = weights.read([weight([40, 4], ['w'], false)], full);
    await expect(read).rejects.toThrow('the disk is full');
    await new Promise((resolve) => setTimeout(resolve, 5)); // a rejection would fail the test
  });

  test('of the caller is said: tensors are bound before, and stored bytes are no recipe', async () => {
    const weights = checkpointWeights(new Map());
    const collect = (initializer: Initializer): Promise<unknown> => valuesOf(weights, initializer);
    await expect(collect(weight([4, 4], ['w'], false))).rejects.toThrow('w was not bound');
    const recipe = { kind: 'values', values: [1] } as const;
    const type = { dtype: 'float32', shape: [1] } as const;
    await expect(collect({ name: 'w', type, recipe })).rejects.toThrow('no floats in a recipe');
  });

  test('is a double that single precision cannot hold', async () => {
    const tensors = tensorMap(tensorRef('w', 'F64', [30], (i) => (i === 21 ? 1e39 : i)));
    const values = valuesOf(checkpointWeights(tensors), weight([30], ['w'], false));
    await expect(values).rejects.toMatchObject({
      code: 'WEIGHT_OVERFLOW',
      where: { tensor: 'w', value: 1e39 },
    });
  });
});
