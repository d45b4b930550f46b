import { expect, test } from 'vitest';
import { tensorMap, tensorRef } from '../../test/tensor-refs.ts';
import { readConfig } from '../config/read.ts';
import { callingThread } from './engine.ts';
import { weightsOf } from './weights.ts';
import { writeText } from './write-text.ts';

const { config: read } = readConfig(
  JSON.stringify({
    model_type: 'modernbert-decoder',
    vocab_size: 6,
    hidden_size: 4,
    intermediate_size: 2,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    pad_token_id: 5,
  }),
);

const config = { ...read, layers: [] };

const ones = (name: string): ReturnType<typeof tensorRef> => tensorRef(name, 'F32', [4], () => 1);

// without layers and with a head of zeros, the bias alone says how likely each token is
const likely = [0.5, 0.25, 0.125, 0.125, 0, 0];
const tensors = tensorMap(
  tensorRef('model.embeddings.tok_embeddings.weight', 'F32', [6, 4], (i) => Math.sin(i)),
  ...['model.embeddings.norm', 'model.final_norm', 'lm_head.norm'].map((name) =>
    ones(`${name}.weight`),
  ),
  tensorRef('lm_head.dense.weight', 'F32', [4, 4]),
  tensorRef('decoder.weight', 'F32', [6, 4]),
  tensorRef('decoder.bias', 'F32', [6], (i) => Math.log((likely[i] ?? 0) + 1e-30)),
);

test('each token is drawn as likely as the model says, after a first one that is not padding', async () => {
  const [count, length] = [40, 100];
  let state = 1;
  const written: number[] = [];
  const texts = await writeText(config, weightsOf(tensors, callingThread), callingThread, {
    count,
    length,
    random: () => () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
    onWritten: (tokens) => written.push(tokens),
  });
  expect(texts).toHaveLength(count);
  expect(new Set(texts.map(([first]) => first))).toEqual(new Set([0, 1, 2, 3, 4]));
  const drawn = texts.flatMap((text) => [...text.subarray(1)]);
  expect(drawn).toHaveLength(count * (length - 1));
  for (const [id, chance] of likely.entries()) {
    const part = drawn.filter((each) => each === id).length / drawn.length;
    expect(Math.abs(part - chance)).toBeLessThan(0.03);
  }
  expect(written.at(-1)).toBe(count * length);
  expect(written).toEqual(written.toSorted((a, b) => a - b));
});
