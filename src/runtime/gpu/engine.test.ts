import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BufferCount, countBuffers } from '../../../test/buffer-count.ts';
import { testDevice, worstOf } from '../../../test/gpu.ts';
import { must } from '../../../test/must.ts';
import { noiseFolder, noiseName, tinyConfig } from '../../../test/noise-model.ts';
import { taskModel } from '../../../test/task-model.ts';
import type { Candidates, Decoder } from '../../base/decoding.ts';
import { ToolkitError } from '../../base/errors.ts';
import type { SourceFolder } from '../../base/files.ts';
import { sizeOf } from '../../base/tensors.ts';
import type { RowInput } from './batch.ts';
import type { Device } from './device.ts';
import type { Engine } from './engine.ts';
import { gpuDecoder } from './decoder.ts';
import { loadModel } from './load.ts';
import { openReferenceFile } from '../reference/open.ts';
import { runnerDecoder } from '../text/runner-decoder.ts';

let folder: SourceFolder;
let device: Device;
let engine: Engine;
let decoder: Decoder;
let reference: Decoder;

/** Every logit of a model of random weights, in parts of 1 + its size. */
const tolerance = 2e-4;

beforeAll(async () => {
  folder = noiseFolder(taskModel(tinyConfig));
  device = await testDevice();
  ({ engine } = await loadModel(device, folder, noiseName));
  decoder = gpuDecoder(engine);
  reference = runnerDecoder(await openReferenceFile(folder, noiseName), tinyConfig);
});
afterAll(async () => {
  await decoder.close();
  device.destroy();
});

const text = (length: number, seed = 0): readonly number[] =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101 + ((i * i) % 13)) % tinyConfig.vocabSize);

const greedy = { count: 1, repetitionPenalty: 1 };

type Tokens = readonly (readonly number[] | undefined)[];

/** Logits of each row after each append. */
async function logitsOf(
  of: Decoder,
  steps: readonly Tokens[],
): Promise<readonly (Float32Array | undefined)[]> {
  const decoding = await of.start(must(steps[0], 'step').length);
  const all: (Float32Array | undefined)[] = [];
  for (const tokens of steps) {
    const found = await decoding.append(tokens, greedy);
    for (const candidates of found) all.push(candidates && (await candidates.all()));
  }
  await decoding.close();
  return all;
}

async function failureOf(work: Promise<unknown>): Promise<ToolkitError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ToolkitError) return error;
    throw error;
  }
  return expect.fail('nothing failed');
}

function worstOfAll(
  got: readonly (Float32Array | undefined)[],
  want: readonly (Float32Array | undefined)[],
): number {
  expect(got.map((row) => row !== undefined)).toEqual(want.map((row) => row !== undefined));
  return Math.max(...want.map((row, i) => worstOf(got[i] ?? [], row ?? [])));
}

describe('rows of unequal lengths', () => {
  const steps: readonly Tokens[] = [
    [text(3, 1), text(40, 2), text(1, 3), text(17, 4)],
    [text(1, 5), text(1, 6), text(1, 7), text(1, 8)],
    [text(1, 9), undefined, text(5, 10), text(1, 11)], // one ends, one goes on by more
    [undefined, undefined, text(1, 12), text(1, 13)],
  ];

  it('are what the reference says', async () => {
    const got = await logitsOf(decoder, steps);
    expect(worstOfAll(got, await logitsOf(reference, steps))).toBeLessThan(tolerance);
  });

  it('are what each row is alone', async () => {
    const together = await logitsOf(decoder, steps);
    for (const row of [0, 1, 2, 3]) {
      const own = steps.map((tokens): Tokens => [tokens[row]]);
      const alone = await logitsOf(decoder, own);
      const got = together.filter((_, index) => index % 4 === row);
      expect(worstOfAll(got, alone)).toBeLessThan(tolerance);
    }
  });

  it('are packed: products see no padding', async () => {
    const before = engine.rowsSeen;
    await logitsOf(decoder, steps);
    const tokens = steps.flat().reduce((sum, ids) => sum + (ids?.length ?? 0), 0);
    expect(engine.rowsSeen - before).toBe(tokens);
  });

  it('are independent of what another decoding does in between', async () => {
    const [one, other] = [await decoder.start(2), await decoder.start(1)];
    const [first] = await one.append([text(8, 1), text(3, 2)], greedy);
    await other.append([text(30, 3)], greedy);
    await other.append([text(1, 4)], greedy);
    const kept = await must(first, 'row').all();
    const [second] = await one.append([text(1, 5), text(1, 6)], greedy);
    const got = [kept, await must(second, 'row').all()];
    await Promise.all([one.close(), other.close()]);
    const want = await logitsOf(reference, [[text(8, 1)], [text(1, 5)]]);
    expect(worstOfAll(got, want)).toBeLessThan(tolerance);
  });

  it('may be asked for at once: runs come one after the other', async () => {
    const prompts = [text(8, 1), text(50, 2), text(2, 3)];
    const got = await Promise.all(
      prompts.map(async (ids) => (await logitsOf(decoder, [[ids]]))[0]),
    );
    const want = await logitsOf(reference, [prompts]);
    expect(worstOfAll(got, want)).toBeLessThan(tolerance);
  });
});

describe('candidates', () => {
  const prompt: Tokens = [text(20, 1), text(7, 2)];

  async function candidatesOf(of: Decoder, count: number, repetitionPenalty: number) {
    const ask = { count, repetitionPenalty };
    const decoding = await of.start(2);
    const found: Candidates[] = [];
    for (const tokens of [prompt, [text(1, 3), text(1, 4)]]) {
      found.push(...(await decoding.append(tokens, ask)).map((each) => must(each, 'row')));
    }
    await decoding.close();
    return found;
  }

  it.each([
    [1, 1],
    [1, 1.3],
    [2, 1],
    [50, 1.3],
    [256, 0.7],
    [300, 1.2],
    [5000, 1],
  ])('%i with a penalty of %f are those of the host', async (count, penalty) => {
    const got = await candidatesOf(decoder, count, penalty);
    const want = await candidatesOf(reference, count, penalty);
    for (const [index, { ids, logits, logSum }] of want.entries()) {
      const own = must(got[index], 'candidates');
      expect(own.ids).toHaveLength(Math.min(count, tinyConfig.vocabSize));
      expect(worstOf(own.logits, logits)).toBeLessThan(tolerance);
      // near ties may change places
      const ranks = new Map([...ids].map((id, rank) => [id, logits[rank] ?? 0]));
      for (const [rank, id] of own.ids.entries()) {
        const truth = ranks.get(id) ?? logits.at(-1) ?? 0;
        expect(Math.abs(truth - (own.logits[rank] ?? 0))).toBeLessThan(1e-3);
      }
      // of one candidate alone the GPU does not compute the sum
      expect(own.logSum).toBeCloseTo(count > 1 ? logSum : (own.logits[0] ?? 0), 3);
    }
  });
});

describe('a run is refused', () => {
  it.each([tinyConfig.vocabSize, -1, 0.5, Number.NaN])('for id %f', async (id) => {
    const decoding = await decoder.start(1);
    const { code, where } = await failureOf(decoding.append([[1, id]], greedy));
    expect([code, where]).toEqual(['USAGE', { id, vocabulary: tinyConfig.vocabSize }]);
    await decoding.close();
  });

  it('beyond the last position, and the row can still be read', async () => {
    const decoding = await decoder.start(2);
    await decoding.append([text(1099, 1), text(4, 1)], greedy);
    const last = await decoding.append([text(1, 2), text(1, 2)], greedy);
    expect(last.map((row) => row?.ids.length)).toEqual([1, 1]);
    const error = await failureOf(decoding.append([text(1, 3), text(1, 3)], greedy));
    expect([error.code, error.where]).toEqual([
      'UNSUPPORTED_SIZE',
      { tokens: 1101, positions: 1100 },
    ]);
    const other = await decoding.append([undefined, text(1, 3)], greedy);
    expect(other.map((row) => row?.ids.length)).toEqual([undefined, 1]);
    await decoding.close();
  });
});

describe('a small device', () => {
  let small: Device;
  let own: Engine;
  let count: () => BufferCount;
  const most = {
    bindingBytes: 20_480,
    workgroupSize: 256,
    workgroupMemory: 16_384,
    subgroups: false,
    shaderF16: false,
  };

  beforeAll(async () => {
    small = await testDevice({ most });
    count = countBuffers(small);
    ({ engine: own } = await loadModel(small, folder, noiseName));
  });
  afterAll(() => {
    own.destroy();
    small.destroy();
  });

  it('reads the vocabulary in parts and a prompt in several runs, and gives the same', async () => {
    const { limits } = small;
    expect(limits).toMatchObject({ ...most, bindingBytes: most.bindingBytes });
    const steps: readonly Tokens[] = [[text(300, 1)], [text(1, 2)], [text(9, 3)]];
    const got = await logitsOf(gpuDecoder(own), steps);
    expect(worstOfAll(got, await logitsOf(decoder, steps))).toBeLessThan(tolerance);
    const parts = Math.ceil((701 * 64) / most.bindingBytes);
    expect(parts).toBe(3);
    const [pieces, one] = [own, engine].map((each) => each.work([input(0, 300)]).dispatches);
    expect(must(pieces, 'work')).toBeGreaterThan(2 * must(one, 'work'));
  });

  it('cuts rows anywhere, and each keeps its own logits', async () => {
    const rows = [text(70, 1), text(90, 2), text(2, 3), text(100, 4), text(1, 5)];
    const got = await logitsOf(gpuDecoder(own), [
      rows.slice(0, 3),
      [text(1, 6), text(1, 7), text(1, 8)],
    ]);
    const want = await logitsOf(decoder, [rows.slice(0, 3), [text(1, 6), text(1, 7), text(1, 8)]]);
    expect(worstOfAll(got, want)).toBeLessThan(tolerance);
    expect(count().largest).toBeLessThanOrEqual(most.bindingBytes);
  });

  it('says when a cache is larger than it binds, and runs what fits', async () => {
    const decoding = await gpuDecoder(own).start(1);
    const { code, where } = await failureOf(decoding.append([text(321)], greedy));
    expect([code, where]).toEqual([
      'UNSUPPORTED_SIZE',
      { rows: 1, tokens: 321, bytes: 321 * 64, most: most.bindingBytes },
    ]);
    const found = await decoding.append([text(320)], greedy);
    expect(found).toHaveLength(1);
    await decoding.close();
  });

  it('says when a weight is larger than it binds, before anything is on it', async () => {
    const tiny = await testDevice({ most: { bindingBytes: 1024 } });
    const { code, where } = await failureOf(loadModel(tiny, folder, noiseName));
    expect(code).toBe('UNSUPPORTED_SIZE');
    expect(where).toMatchObject({ most: 1024 });
    tiny.destroy();
  });
});

function input(past: number, count: number): RowInput {
  return { row: 0, past, ids: text(count), keep: [count - 1] };
}

it('what a model takes is its weights, filled up to rows of four', () => {
  const { initializers } = taskModel(tinyConfig).graph;
  const floats = initializers.filter(({ type }) => type.dtype === 'float32');
  const sizes = floats.map(({ type }) => Math.ceil(sizeOf(type.shape) / 4) * 16);
  expect(engine.memory.weights).toBe(sizes.reduce((sum, size) => sum + size, 0));
  expect(engine.memory.work).toBeGreaterThan(0);
});

it('generating compiles nothing after the first decode step', async () => {
  const decoding = await decoder.start(1);
  await decoding.append([text(20)], greedy);
  await decoding.append([text(1)], greedy);
  const { compiled } = engine.executor;
  for (let i = 0; i < 200; i++) await decoding.append([text(1, i)], greedy);
  expect(engine.executor.compiled).toBe(compiled);
  await decoding.close();
});
