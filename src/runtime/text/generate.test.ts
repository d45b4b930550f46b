import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counting, scrambled, toyDecoder } from '../../../test/toy-decoder.ts';
import { generate, type Continuation, type GenerateOptions } from './generate.ts';

const counter = (): ReturnType<typeof toyDecoder> => toyDecoder(100, 64, counting(100));

describe('a generation', () => {
  it('goes on with the most likely tokens, and appends one at a time', async () => {
    const decoder = counter();
    const result = await generate(decoder, [[1, 2]], { maxNewTokens: 3 });
    expect(result).toEqual([{ prompt: 0, sequence: 0, ids: [3, 4, 5], ending: 'length' }]);
    expect(decoder.calls).toEqual([[[1, 2]], [[3]], [[4]]]);
    expect(decoder.open).toBe(0);
  });

  it('lets rows end on their own, and leaves those alone that have', async () => {
    const decoder = counter();
    const result = await generate(decoder, [[1], [4, 5], [8]], {
      maxNewTokens: 4,
      stopIds: [7, 9],
    });
    expect(result.map(({ ids, ending }) => [ids, ending])).toEqual([
      [[2, 3, 4, 5], 'length'],
      [[6, 7], 'stop'],
      [[9], 'stop'],
    ]);
    expect(decoder.calls).toEqual([
      [[1], [4, 5], [8]],
      [[2], [6], undefined],
      [[3], undefined, undefined],
      [[4], undefined, undefined],
    ]);
  });

  it("ends at the model's tokens unless the caller names others", async () => {
    const defaults = { stopIds: [3], maxNewTokens: 6 };
    const [plain] = await generate(counter(), [[1]], { defaults });
    const [other] = await generate(counter(), [[1]], { defaults, stopIds: [] });
    expect([plain?.ids, other?.ids]).toEqual([
      [2, 3],
      [2, 3, 4, 5, 6, 7],
    ]);
  });

  it('ends where a predicate says so', async () => {
    const stop = ({ prompt, ids }: Continuation): boolean => ids.length > prompt;
    const result = await generate(counter(), [[1], [1]], { maxNewTokens: 5, stop });
    expect(result.map(({ ids, ending }) => [ids, ending])).toEqual([
      [[2], 'stop'],
      [[2, 3], 'stop'],
    ]);
  });

  it('tells tokens as they come, and waits for whoever is told', async () => {
    const told: string[] = [];
    const decoder = counter();
    await generate(decoder, [[1], [5]], {
      maxNewTokens: 2,
      onToken: async (id, { prompt, ids }) => {
        await Promise.resolve();
        told.push(`${decoder.calls.length}: ${prompt} ${id} of ${ids.join(' ')}`);
      },
    });
    expect(told).toEqual(['1: 0 2 of 2', '1: 1 6 of 6', '2: 0 3 of 2 3', '2: 1 7 of 6 7']);
  });

  it('counts a maximal length from each prompt on', async () => {
    const result = await generate(counter(), [[1], [1, 2, 3]], { maxLength: 5 });
    expect(result.map(({ ids }) => ids.length)).toEqual([4, 2]);
  });

  it('makes tokens that were there less likely', async () => {
    const decoder = toyDecoder(3, 20, () => Float32Array.of(3, 2, 1));
    const [plain] = await generate(decoder, [[2]], { maxNewTokens: 3 });
    const [varied] = await generate(decoder, [[2]], { maxNewTokens: 3, repetitionPenalty: 2 });
    expect([plain?.ids, varied?.ids]).toEqual([
      [0, 0, 0],
      [0, 1, 0],
    ]);
  });
});

describe('drawing', () => {
  const drawn = (prompts: readonly (readonly number[])[], options: GenerateOptions) =>
    generate(toyDecoder(40, 64, scrambled(40)), prompts, {
      doSample: true,
      maxNewTokens: 8,
      ...options,
    });

  it('gives every prompt of a batch what it gets alone, and a seed the same again', async () => {
    const prompt = fc.array(fc.nat(39), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0, 5, 50),
        async (prompts, seed, numReturnSequences, topK) => {
          const options = { seed, numReturnSequences, topK, stopIds: [3] };
          const together = await drawn(prompts, options);
          const alone = await Promise.all(prompts.map((each) => drawn([each], options)));
          expect(together.map(({ ids }) => ids)).toEqual(
            alone.flatMap((sequences) => sequences.map(({ ids }) => ids)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives sequences of one prompt, and other seeds, other texts', async () => {
    const texts = [
      ...(await drawn([[1, 2]], { seed: 1, numReturnSequences: 3 })),
      ...(await drawn([[1, 2]], { seed: 2 })),
    ].map(({ ids }) => ids.join(' '));
    expect(new Set(texts).size).toBe(4);
  });
});

describe('an abort', () => {
  it('before the beginning does no work', async () => {
    const decoder = counter();
    const result = await generate(decoder, [[1]], { signal: AbortSignal.abort() });
    expect(result).toEqual([{ prompt: 0, sequence: 0, ids: [], ending: 'aborted' }]);
    expect(decoder.calls).toEqual([]);
  });

  it('in the middle gives what there is, and frees what was held', async () => {
    const decoder = counter();
    const controller = new AbortController();
    const result = await generate(decoder, [[1], [50]], {
      signal: controller.signal,
      stopIds: [51],
      onToken: (id) => {
        if (id === 4) controller.abort();
      },
    });
    expect(result.map(({ ids, ending }) => [ids, ending])).toEqual([
      [[2, 3, 4], 'aborted'],
      [[51], 'stop'],
    ]);
    expect(decoder.open).toBe(0);
  });
});

describe('an error', () => {
  it.each([
    [[[]], {}, /a prompt has no tokens \(prompt=1\)/],
    [[[1], [100]], {}, /not in the vocabulary \(prompt=2, id=100/],
    [[[0.5]], {}, /not in the vocabulary/],
    [[[1]], { maxNewTokens: 64 }, /more than the model has positions for/],
  ])('of %j with %j comes before any work', async (prompts, options, message) => {
    const decoder = counter();
    await expect(generate(decoder, prompts, options)).rejects.toThrow(message);
    expect(decoder.calls).toEqual([]);
  });

  it('is what the model computes when it is no number', async () => {
    const decoder = toyDecoder(3, 20, () => Float32Array.of(1, Number.NaN, 0));
    await expect(generate(decoder, [[1]])).rejects.toThrow(/no numbers: choose fp32/);
    expect(decoder.open).toBe(0);
  });
});
