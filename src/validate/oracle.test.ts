import { beforeAll, describe, expect, test } from 'vitest';
import { goldenOpener, type GoldenCase } from '../../test/golden-case.ts';
import type { TensorRef } from '../base/tensors.ts';
import { linear } from './oracle-linear.ts';
import { createOracle } from './oracle.ts';

const openCase = goldenOpener();

/** How far two outputs are apart; sums in another order differ a little. */
function furthest(a: Iterable<number>, b: Iterable<number>): number {
  const other = [...b];
  return Math.max(...[...a].map((value, i) => Math.abs(value - (other[i] ?? Number.NaN))));
}

describe('a run', () => {
  let base: GoldenCase;
  const ids = [1, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140];
  beforeAll(async () => {
    base = await openCase('clm-default');
  });

  test('keeps the last positions only, with the same numbers', async () => {
    const oracle = createOracle(base.config, base.tensors, base.task);
    const all = await oracle.run(ids);
    expect(all).toHaveLength(ids.length * 512);
    expect(await oracle.run(ids, { keep: 1 })).toHaveLength(512);
    const kept = await oracle.run(ids, { keep: 3 });
    expect(furthest(kept, all.subarray(-kept.length))).toBeLessThan(1e-12);
    expect(await oracle.run(ids, { keep: 99 })).toHaveLength(all.length);
  });

  test('works on shared memory with a product of somebody else', async () => {
    const plain = await createOracle(base.config, base.tensors, base.task).run(ids);
    let [calls, notShared] = [0, 0];
    const oracle = createOracle(base.config, base.tensors, base.task, {
      shared: true,
      linear: (x, rows, weight, inDim, outDim) => {
        calls++;
        for (const { buffer } of [x, weight]) {
          if (!(buffer instanceof SharedArrayBuffer)) notShared++;
        }
        return linear(x, rows, weight, inDim, outDim);
      },
    });
    expect(await oracle.run(ids)).toEqual(plain);
    expect(calls).toBe(5 * 6 + 2);
    expect(notShared).toBe(0);
  });

  test.each([
    ['clm-default', 4],
    ['cls-three-labels', 0],
    ['base-model', 2],
  ])('of %s tells how far it is, up to all of it', async (name, keep) => {
    const { config, tensors, task } = await openCase(name);
    const seen: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    await createOracle(config, tensors, task, { onProgress }).run(ids, { keep });
    const done = seen.map(([each]) => each);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(new Set(seen.map(([, total]) => total)).size).toBe(1);
    expect(done.at(-1)).toBe(seen[0]?.[1]);
  });

  test.each([
    [[], undefined],
    [[1, 512], undefined],
    [[1, -1], undefined],
    [[1.5], undefined],
    [[1, 2], [1]],
  ])('refuses ids %j with mask %j', async (wrong, mask) => {
    const oracle = createOracle(base.config, base.tensors, base.task);
    const run = oracle.run(wrong, mask === undefined ? {} : { mask });
    await expect(run).rejects.toMatchObject({ code: 'GOLDEN_INVALID' });
  });
});

// The two rows of numbers are what transformers 5.18.0 computed.
describe('a classifier', () => {
  let classify: (ids: readonly number[], mask?: readonly number[]) => Promise<readonly number[]>;
  beforeAll(async () => {
    const { config, tensors, task } = await openCase('cls-three-labels');
    const oracle = createOracle(config, tensors, task);
    classify = async (ids, mask) => [
      ...(await oracle.run(ids, mask === undefined ? {} : { mask })),
    ];
  });
  const pad = 3;

  test('passes over padding after the text, whatever the mask says', async () => {
    const text = await classify([10, 20, 30]);
    expect(furthest(await classify([10, 20, 30, pad, pad], [1, 1, 1, 0, 0]), text)).toBeLessThan(
      1e-12,
    );
    expect(furthest(await classify([10, 20, 30, pad, pad]), text)).toBeLessThan(1e-12);
    expect(furthest(await classify([10, 20, 31]), text)).toBeGreaterThan(1e-3);
  });

  test('does not see padding before the text', async () => {
    const text = await classify([10, 20, 30]);
    const padded = await classify([pad, pad, 10, 20, 30], [0, 0, 1, 1, 1]);
    expect(furthest(padded, text)).toBeLessThan(1e-6);
  });

  test('reads the last id that is not padding even where the mask hides it', async () => {
    const hidden = await classify([10, 20, 30], [1, 1, 0]);
    expect(furthest(hidden, [0.1934894, 0.3529872, 0.0567698])).toBeLessThan(1e-5);
    expect(furthest(hidden, await classify([10, 20, 30]))).toBeGreaterThan(1e-3);
    expect(furthest(hidden, await classify([10, 20]))).toBeGreaterThan(1e-3);
  });

  test('reads the first position of a row that is all padding', async () => {
    expect(
      furthest(await classify([pad, pad, pad]), [-0.2029646, -0.3499961, 0.9520474]),
    ).toBeLessThan(1e-5);
  });
});

describe('the weights decide', () => {
  let base: GoldenCase;
  beforeAll(async () => {
    base = await openCase('clm-default');
  });
  const logits = ({ config, tensors }: GoldenCase): Promise<Float64Array> =>
    createOracle(config, tensors, 'text-generation').run([5, 6, 7], { keep: 1 });
  const withTensor = (name: string, change: (ref: TensorRef) => Partial<TensorRef>): GoldenCase => {
    const tensors = new Map(base.tensors);
    const ref = tensors.get('model.embeddings.tok_embeddings.weight');
    const old = tensors.get(name) ?? ref;
    if (old === undefined) throw new Error(name);
    return { ...base, tensors: tensors.set(name, { ...old, name, ...change(old) }) };
  };

  test('decoder.weight is used where it is there, tied or not', async () => {
    const tied = await logits(base);
    const zeros = withTensor('decoder.weight', () => ({
      read: (start, end) => Promise.resolve(new Uint8Array(end - start)),
    }));
    expect(await logits(zeros)).not.toEqual(tied);
    const same = withTensor('decoder.weight', () => ({}));
    const untied = { ...same, config: { ...same.config, tieWordEmbeddings: false } };
    expect(await logits(untied)).toEqual(tied);
  });

  test('without it and untied, its name is in the error', () => {
    const config = { ...base.config, tieWordEmbeddings: false };
    expect(() => createOracle(config, base.tensors, 'text-generation')).toThrow(
      expect.objectContaining({
        code: 'WEIGHT_MISSING',
        where: { tensor: 'decoder.weight', expected: '512×64' },
      }),
    );
  });

  test('a tensor of another shape is named with both shapes', () => {
    const config = { ...base.config, vocabSize: 513 };
    expect(() => createOracle(config, base.tensors, 'feature-extraction')).toThrow(
      expect.objectContaining({
        code: 'WEIGHT_SHAPE',
        where: {
          tensor: 'model.embeddings.tok_embeddings.weight',
          expected: '513×64',
          got: '512×64',
          file: 'model.safetensors',
        },
      }),
    );
  });

  test('a tensor of integers is named with its type', () => {
    const { config, tensors } = withTensor('model.final_norm.weight', () => ({ dtype: 'I32' }));
    expect(() => createOracle(config, tensors, 'feature-extraction')).toThrow(
      expect.objectContaining({
        code: 'WEIGHT_DTYPE',
        where: { tensor: 'model.final_norm.weight', dtype: 'I32', file: 'model.safetensors' },
      }),
    );
  });

  test('a task without its head is an error, and the base model needs none', async () => {
    expect(() => createOracle(base.config, base.tensors, 'text-classification')).toThrow(
      expect.objectContaining({ code: 'WEIGHT_MISSING' }),
    );
    const states = createOracle(base.config, base.tensors, 'feature-extraction');
    expect(await states.run([5, 6, 7], { keep: 2 })).toHaveLength(2 * 64);
  });
});
