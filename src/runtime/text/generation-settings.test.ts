import { describe, expect, it } from 'vitest';
import { newTokensOf, settingsOf } from './generation-settings.ts';

describe('settings', () => {
  it('are those of transformers where nobody says otherwise', () => {
    expect(settingsOf({ seed: 1 })).toEqual({
      doSample: false,
      numReturnSequences: 1,
      temperature: 1,
      topK: 50,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      seed: 1,
      stopIds: [],
    });
  });

  it("come from the caller, then from the model's file", () => {
    const model = { temperature: 0.6, topK: 20, stopIds: [1], maxNewTokens: 9 };
    const settings = settingsOf({ topK: 0, doSample: true }, model);
    expect(settings).toMatchObject({ temperature: 0.6, topK: 0, stopIds: [1], maxNewTokens: 9 });
  });

  it('draw anew without a seed', () => {
    expect(settingsOf({}).seed).not.toBe(settingsOf({}).seed);
  });

  it.each([
    [{ temperature: 0 }, /temperature is not a number above 0 \(temperature=0\)/],
    [{ topP: 1.5 }, /topP is not a number from 0 to 1/],
    [{ minP: -1 }, /minP/],
    [{ topK: 1.5 }, /topK is not a whole number of 0 or more/],
    [{ seed: -1 }, /seed/],
    [{ maxNewTokens: 0 }, /maxNewTokens is not a whole number of 1 or more/],
    [{ repetitionPenalty: Number.NaN }, /repetitionPenalty/],
    [{ numReturnSequences: 2 }, /would all be the same \(sequences=2\): sample/],
  ])('refuse %j', (options, message) => {
    expect(() => settingsOf(options)).toThrow(message);
    expect(() => settingsOf(options)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('the length of a continuation', () => {
  it('is 20 tokens by default, and no more than there are positions', () => {
    expect(newTokensOf(5, 100, {})).toBe(20);
    expect(newTokensOf(95, 100, {})).toBe(5);
  });

  it('is what is asked for, counted with or without the prompt', () => {
    expect(newTokensOf(5, 100, { maxNewTokens: 95 })).toBe(95);
    expect(newTokensOf(5, 100, { maxLength: 30 })).toBe(25);
    expect(newTokensOf(5, 100, { maxNewTokens: 3, maxLength: 30 })).toBe(3);
    const caller = settingsOf({ maxLength: 30 }, { maxNewTokens: 3 });
    expect(newTokensOf(5, 100, caller)).toBe(25);
  });

  it.each([
    [100, {}, 'UNSUPPORTED_SIZE', /fills all positions of the model \(prompt=100/],
    [5, { maxNewTokens: 96 }, 'UNSUPPORTED_SIZE', /ask for at most 95 new tokens/],
    [5, { maxLength: 101 }, 'UNSUPPORTED_SIZE', /more than the model has positions for/],
    [5, { maxLength: 5 }, 'USAGE', /as long as the sequence may be/],
  ])('of a prompt of %i tokens with %j is refused', (prompt, lengths, code, message) => {
    const count = (): number => newTokensOf(prompt, 100, lengths);
    expect(count).toThrow(message);
    expect(count).toThrow(expect.objectContaining({ code }));
  });
});
