import { describe, expect, test } from 'vitest';
import { readConfig } from '../config/read.ts';
import { pureSha256 } from '../base/sha256.ts';
import { callingThread } from './engine.ts';
import { calibrationText, type TextModel, type TextTools } from './text.ts';

const { config } = readConfig(
  JSON.stringify({
    model_type: 'modernbert-decoder',
    architectures: ['ModernBertDecoderForSequenceClassification'],
    vocab_size: 500,
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    pad_token_id: 0,
  }),
);

const model: TextModel = {
  config,
  task: 'text-classification',
  weights: {
    has: () => false,
    read: () => Promise.reject(new Error('nothing is read')),
    readIf: () => Promise.resolve(undefined),
    readRows: () => Promise.reject(new Error('nothing is read')),
    rows: () => 0,
    columns: () => 0,
  },
  engine: callingThread,
};

function tools(ids: readonly number[] = []): TextTools {
  return {
    encode: () => Promise.resolve(ids),
    random: (seed, stream) => {
      let count = 0;
      return () => ((seed + 97 * stream + 31 * ++count) % 101) / 101;
    },
    sha256: pureSha256,
    onWritten: () => undefined,
  };
}

describe('a given text', () => {
  test('is cut into windows', async () => {
    const ids = Array.from({ length: 600 }, (_, i) => i % 500);
    const { sequences, calibration } = await calibrationText(model, 'abc', tools(ids));
    expect(sequences.map((each) => each.length)).toEqual([256, 256, 88]);
    expect(sequences.flatMap((each) => [...each])).toEqual(ids);
    expect(calibration).toEqual({
      source: 'text',
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      tokens: 600,
    });
  });

  test('that is long is taken from at even distances', async () => {
    const ids = Array.from({ length: 256 * 320 }, (_, i) => Math.floor(i / 256));
    const { sequences } = await calibrationText(model, 'abc', tools(ids));
    expect(sequences.map(([first]) => first)).toEqual(Array.from({ length: 32 }, (_, i) => 10 * i));
  });

  test.each([
    [1, 1, 0],
    [2, 1, 1],
    [5, 1, 4],
    [10, 2, 8],
    [99, 2, 8],
  ])('of %d windows leaves %d to calibrate on, and %d to measure on', async (all, some, others) => {
    const ids = Array.from({ length: 256 * all }, (_, i) => Math.floor(i / 256));
    const counts = { calibrating: 2, heldOut: 8 };
    const found = await calibrationText(model, 'abc', tools(ids), counts);
    const { sequences, heldOut, calibration } = found;
    expect([sequences.length, heldOut.length]).toEqual([some, others]);
    expect(new Set([...sequences, ...heldOut].map(([first]) => first)).size).toBe(some + others);
    expect(calibration.tokens).toBe(256 * some);
  });

  test('is measured on in its middle parts: the last window may be a short one', async () => {
    const ids = Array.from({ length: 256 * 10 - 200 }, (_, i) => Math.floor(i / 256));
    const counts = { calibrating: 32, heldOut: 8 };
    const { heldOut } = await calibrationText(model, 'abc', tools(ids), counts);
    expect(heldOut.map((each) => each[0])).toEqual([2, 7]);
  });

  test.each([
    ['', []],
    [' \n\t', [1]],
    ['a', []],
  ])('without a token is bad data: %j', async (text, ids) => {
    await expect(calibrationText(model, text, tools(ids))).rejects.toMatchObject({
      code: 'CALIBRATION_EMPTY',
      exitStatus: 65,
    });
  });

  test('with a token that the embedding lacks is bad data', async () => {
    await expect(calibrationText(model, 'a', tools([500]))).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      where: { id: 500, vocab_size: 500 },
    });
  });
});

test('a model without a language head is calibrated on random tokens, always the same', async () => {
  const { sequences, calibration } = await calibrationText(model, undefined, tools());
  expect(calibration).toEqual({ source: 'random', seed: 0, tokens: 32 * 256 });
  expect(new Set(sequences.flatMap((each) => [...each])).size).toBeGreaterThan(90);
  expect(Math.max(...sequences.flatMap((each) => [...each]))).toBeLessThan(500);
  expect((await calibrationText(model, undefined, tools())).sequences).toEqual(sequences);
});
