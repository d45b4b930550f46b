import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDevice, worstOf } from '../../../test/gpu.ts';
import { must } from '../../../test/must.ts';
import { noiseFolder, noiseName, tinyConfig } from '../../../test/noise-model.ts';
import { taskModel } from '../../../test/task-model.ts';
import { ToolkitError } from '../../base/errors.ts';
import type { Feeds, Runner } from '../../base/runner.ts';
import type { Tensor } from '../../base/tensors.ts';
import type { Device } from './device.ts';
import type { Engine } from './engine.ts';
import { gpuRunner } from './runner.ts';
import { loadModel } from './load.ts';
import { openReferenceFile } from '../reference/open.ts';

let device: Device;
let engine: Engine;
let runner: Runner;
let reference: Runner;

beforeAll(async () => {
  const folder = noiseFolder(taskModel(tinyConfig));
  device = await testDevice();
  const loaded = await loadModel(device, folder, noiseName);
  engine = loaded.engine;
  runner = gpuRunner(engine, loaded.model);
  reference = await openReferenceFile(folder, noiseName);
});
afterAll(async () => {
  await runner.close();
  device.destroy();
});

type Rows = readonly (readonly number[])[];
type Outputs = ReadonlyMap<string, Tensor>;

function int64(rows: Rows): Tensor {
  const data = BigInt64Array.from(rows.flat(), BigInt);
  return { dtype: 'int64', shape: [rows.length, rows[0]?.length ?? 0], data };
}

/** The inputs of a call, on top of what a call before it gave. */
function feedsOf(ids: Rows, mask: Rows, keep: number, past?: Outputs): Feeds {
  const empty = {
    dtype: 'float32',
    shape: [ids.length, 2, 0, 8],
    data: new Float32Array(),
  } as const;
  const caches = tinyConfig.layers.flatMap((_, layer) =>
    ['key', 'value'].map((part): [string, Tensor] => [
      `past_key_values.${layer}.${part}`,
      past?.get(`present.${layer}.${part}`) ?? empty,
    ]),
  );
  return {
    input_ids: int64(ids),
    attention_mask: int64(mask),
    num_logits_to_keep: { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(keep)) },
    ...Object.fromEntries(caches),
  };
}

const text = (length: number, seed: number): readonly number[] =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101) % tinyConfig.vocabSize);
const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);
const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);
const logitsOf = (outputs: Outputs): Tensor => must(outputs.get('logits'), 'logits');

async function failureOf(feeds: Feeds): Promise<ToolkitError> {
  try {
    await runner.run(feeds);
  } catch (error) {
    if (error instanceof ToolkitError) return error;
    throw error;
  }
  return expect.fail('nothing was refused');
}

/** The outputs of tokens that are no padding. */
function realRows({ shape, data }: Tensor, mask: Rows): readonly number[] {
  const [, kept = 0, width = 0] = shape;
  return mask.flatMap((row, b) =>
    row
      .slice(-kept)
      .flatMap((one, k) =>
        one === 1
          ? Array.from(data.slice((b * kept + k) * width, (b * kept + k + 1) * width), Number)
          : [],
      ),
  );
}

describe('a padded batch', () => {
  const masks: Rows = [
    [...zeros(7), ...ones(5)],
    [...ones(9), ...zeros(3)],
    ones(12),
    [...zeros(2), ...ones(4), ...zeros(6)],
    zeros(12),
  ];
  const ids = masks.map((_, row) => text(12, row));

  it.each([0, 12, 5, 1])(
    'with %i outputs kept is what the reference says, and only tokens are seen',
    async (keep) => {
      const before = engine.rowsSeen;
      const feeds = feedsOf(ids, masks, keep);
      const [got, want] = [logitsOf(await runner.run(feeds)), logitsOf(await reference.run(feeds))];
      expect(engine.rowsSeen - before).toBe(5 + 9 + 12 + 4);
      expect(got.shape).toEqual(want.shape);
      expect(worstOf(realRows(got, masks), realRows(want, masks))).toBeLessThan(2e-4);
    },
  );

  it('goes on in chunks that are padded again', async () => {
    const chunk: Rows = [ones(4), [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]];
    const then = masks.map((row, b) => [...row, ...(chunk[b] ?? [])]);
    const last = then.map((row, b) => [...row, b === 1 ? 0 : 1]);
    const [own, theirs] = await Promise.all(
      [runner, reference].map(async (each) => {
        const first = await each.run(feedsOf(ids, masks, 1));
        const more = chunk.map((_, row) => text(4, 50 + row));
        const second = await each.run(feedsOf(more, then, 0, first));
        const third = await each.run(
          feedsOf(
            chunk.map(() => [9]),
            last,
            1,
            second,
          ),
        );
        return [...realRows(logitsOf(second), then), ...realRows(logitsOf(third), last)];
      }),
    );
    expect(worstOf(must(own, 'rows'), must(theirs, 'rows'))).toBeLessThan(2e-4);
  });
});

describe('the cache', () => {
  it('stays on the GPU: its tensors have a shape and no data', async () => {
    const outputs = await runner.run(feedsOf([text(6, 1)], [ones(6)], 1));
    const key = must(outputs.get('present.1.key'), 'key');
    expect([key.dtype, key.shape]).toEqual(['float32', [1, 2, 6, 8]]);
    expect(() => key.data).toThrow(/stays on the GPU/);
  });

  const refusals: readonly (readonly [string, () => Promise<Feeds>, RegExp])[] = [
    [
      'of a run that another has replaced',
      async () => {
        const old = await runner.run(feedsOf([text(6, 1)], [ones(6)], 1));
        await runner.run(feedsOf([text(6, 2)], [ones(6)], 1));
        return feedsOf([[1]], [ones(7)], 1, old);
      },
      /continued once/,
    ],
    [
      'that was continued already',
      async () => {
        const old = await runner.run(feedsOf([text(6, 1)], [ones(6)], 1));
        await runner.run(feedsOf([[1]], [ones(7)], 1, old));
        return feedsOf([[2]], [ones(7)], 1, old);
      },
      /continued once/,
    ],
    [
      'of other rows',
      async () => {
        const old = await runner.run(feedsOf([text(6, 1), text(6, 2)], [ones(6), ones(6)], 1));
        return feedsOf([[1]], [ones(7)], 1, old);
      },
      /continued once/,
    ],
    [
      'that came from elsewhere',
      async () =>
        feedsOf([[1]], [ones(7)], 1, await reference.run(feedsOf([text(6, 1)], [ones(6)], 1))),
      /continued once/,
    ],
    [
      'that a mask cuts',
      async () => {
        const old = await runner.run(feedsOf([text(6, 1)], [ones(6)], 1));
        return feedsOf([[1]], [[0, 1, 1, 1, 1, 1, 1]], 1, old);
      },
      /goes on where its cache ends/,
    ],
  ];
  it.each(refusals)('%s is refused', async (_, feeds, rule) => {
    const error = await failureOf(await feeds());
    expect([error.code, error.message]).toEqual(['RUNTIME_FAILED', expect.stringMatching(rule)]);
  });
});

describe('a run is refused', () => {
  const refusals: readonly (readonly [string, Feeds, RegExp])[] = [
    ['with a hole in a mask', feedsOf([text(5, 1)], [[1, 1, 0, 1, 1]], 1), /zeros at the ends/],
    ['with a mask of more than ones', feedsOf([text(3, 1)], [[1, 2, 1]], 1), /zeros and ones/],
    ['with an id of no token', feedsOf([[1, 701]], [ones(2)], 1), /in the vocabulary/],
    ['with a negative id', feedsOf([[-1]], [ones(1)], 1), /in the vocabulary/],
    ['beyond the last position', feedsOf([text(1101, 1)], [ones(1101)], 1), /more|longer than/],
    ['without a mask', { input_ids: int64([[1]]) }, /needs this input/],
    [
      'with an input of no model',
      { ...feedsOf([[1]], [ones(1)], 1), position_ids: int64([[0]]) },
      /no such input/,
    ],
  ];
  it.each(refusals)('%s, and the next one works', async (_, feeds, rule) => {
    const error = await failureOf(feeds);
    expect(error.message).toMatch(rule);
    const outputs = await runner.run(feedsOf([text(3, 1)], [ones(3)], 1));
    expect(logitsOf(outputs).shape).toEqual([1, 1, 701]);
  });
});
