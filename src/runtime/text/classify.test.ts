import { describe, expect, it } from 'vitest';
import type { Encoder } from '../../base/decoding.ts';
import { classify, scoringOf } from './classify.ts';

const encoder = (logits: readonly number[]): Encoder => ({
  name: 'toy',
  maxPositions: 8,
  encode: async (rows) => rows.map(() => Float32Array.from(logits)),
  close: async () => undefined,
});

const labels = ['calm', 'angry', 'merry'];

const scores = async (logits: readonly number[], problemType?: string): Promise<unknown> => {
  const [row] = await classify(encoder(logits), [[1]], { labels, problemType });
  return row?.map(({ label, score }) => [label, Number(score.toFixed(4))]);
};

describe('scores', () => {
  it('are probabilities of labels, best first', async () => {
    expect(await scores([0, 1000, 999])).toEqual([
      ['angry', 0.7311],
      ['merry', 0.2689],
      ['calm', 0],
    ]);
  });

  it('stand for themselves where labels do not exclude each other', async () => {
    expect(await scores([0, 2, -2], 'multi_label_classification')).toEqual([
      ['angry', 0.8808],
      ['calm', 0.5],
      ['merry', 0.1192],
    ]);
  });

  it('are the values of a regression', async () => {
    expect(await scores([0.25, -3, 7], 'regression')).toEqual([
      ['merry', 7],
      ['calm', 0.25],
      ['angry', -3],
    ]);
  });

  it('of a single label are probabilities of it', () => {
    expect(scoringOf({ labels: ['spam'], problemType: undefined })).toBe('sigmoid');
  });
});

describe('a text', () => {
  const label = (rows: readonly (readonly number[])[], logits = [1, 2, 3]): Promise<unknown> =>
    classify(encoder(logits), rows, { labels, problemType: undefined }, 64);

  it('that is too long, or has no tokens, is named by its number', async () => {
    await expect(label([[1], [1, 2, 3, 4, 5, 6, 7, 8, 9]])).rejects.toMatchObject({
      code: 'UNSUPPORTED_SIZE',
      message: expect.stringContaining('(text=66, tokens=9, positions=8)'),
    });
    await expect(label([[]])).rejects.toThrow(/a text has no tokens \(text=65/);
  });

  it('of which the model makes no numbers is an error', async () => {
    await expect(label([[1]], [Number.NaN, 1, 2])).rejects.toThrow(/no numbers: choose fp32/);
  });
});
