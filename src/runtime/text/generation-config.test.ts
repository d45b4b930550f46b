import { describe, expect, it } from 'vitest';
import { readGenerationConfig } from './generation-config.ts';

describe('generation_config.json', () => {
  it('gives options by their names here', () => {
    const members = {
      do_sample: true,
      temperature: 0.6,
      top_k: 20,
      top_p: 0.95,
      min_p: null,
      max_new_tokens: 64,
      eos_token_id: [3, 4],
      pad_token_id: 0,
    };
    expect(readGenerationConfig(members)).toEqual({
      options: {
        doSample: true,
        temperature: 0.6,
        topK: 20,
        topP: 0.95,
        maxNewTokens: 64,
        stopIds: [3, 4],
      },
      ignored: [],
    });
  });

  it('ends at one id or none', () => {
    expect(readGenerationConfig({ eos_token_id: 7 }).options.stopIds).toEqual([7]);
    expect(readGenerationConfig({ eos_token_id: null }).options.stopIds).toEqual([]);
  });

  it('names what changes the text in transformers and does not here', () => {
    const members = { num_beams: 4, no_repeat_ngram_size: 0, typical_p: 1, bad_words_ids: [[1]] };
    expect(readGenerationConfig(members).ignored).toEqual(['num_beams', 'bad_words_ids']);
  });

  it.each([
    [{ temperature: '0.6' }, /temperature is malformed: a number is expected/],
    [{ do_sample: 1 }, /do_sample/],
    [{ eos_token_id: ['x'] }, /eos_token_id/],
  ])('is refused with %j', (members, message) => {
    expect(() => readGenerationConfig(members)).toThrow(message);
    expect(() => readGenerationConfig(members)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
