import { beforeAll, describe, expect, test } from 'vitest';
import { goldenCases, goldenOpener, type GoldenCase } from '../../test/golden-case.ts';
import type { LayerConfig, ModernBertDecoderConfig } from '../base/config.ts';
import type { GoldenPrompt } from './golden.ts';
import { createOracle, type Oracle } from './oracle.ts';

const openCase = goldenOpener();

/** The largest difference from a golden over the positions that are not padding, as gates see it. */
async function distance(oracle: Oracle, prompt: GoldenPrompt): Promise<number> {
  const { data } = prompt.logits ?? prompt.lastHiddenState ?? { data: new Float32Array() };
  const [batch = 0, length = 0] = prompt.inputIds.shape;
  let [worst, scale] = [0, 0.1];
  for (let row = 0; row < batch; row++) {
    const ids = numbers(prompt.inputIds.data.subarray(row * length, (row + 1) * length));
    const mask = numbers(prompt.attentionMask.data.subarray(row * length, (row + 1) * length));
    const out = await oracle.run(ids, { mask });
    const expected = data.subarray(row * out.length, (row + 1) * out.length);
    for (let i = 0; i < out.length; i++) {
      const position = Math.floor(i / oracle.width);
      if (out.length > oracle.width && mask[position] === 0) continue;
      worst = Math.max(worst, Math.abs((out[i] ?? Number.NaN) - (expected[i] ?? Number.NaN)));
      scale = Math.max(scale, Math.abs(expected[i] ?? 0));
    }
  }
  return worst / scale;
}

function numbers(data: BigInt64Array): readonly number[] {
  return Array.from(data, Number);
}

function promptOf({ prompts }: GoldenCase, name: string): GoldenPrompt {
  const found = prompts.find((prompt) => prompt.name === name);
  if (found === undefined) throw new Error(`no prompt ${name}`);
  return found;
}

const gate = 5e-5;

test.each(goldenCases)('every golden of %s is met', async (name) => {
  const { config, tensors, task, prompts } = await openCase(name);
  const oracle = createOracle(config, tensors, task);
  const distances = [];
  for (const prompt of prompts) distances.push(await distance(oracle, prompt));
  expect(distances.length).toBeGreaterThan(2);
  expect(Math.max(...distances)).toBeLessThan(gate);
});

describe('with a config that means something else', () => {
  let base: GoldenCase;
  beforeAll(async () => {
    base = await openCase('clm-default');
  });

  const layer =
    (change: (layer: LayerConfig) => Partial<LayerConfig>) =>
    (config: ModernBertDecoderConfig): ModernBertDecoderConfig => ({
      ...config,
      layers: config.layers.map((each) => ({ ...each, ...change(each) })),
    });
  const sliding = ({ type }: LayerConfig): boolean => type === 'sliding_attention';

  test.each<[string, (config: ModernBertDecoderConfig) => ModernBertDecoderConfig]>([
    ['a window one larger', layer((l) => (sliding(l) ? { window: l.window + 1 } : {}))],
    ['a window one smaller', layer((l) => (sliding(l) ? { window: l.window - 1 } : {}))],
    ['no window', layer(() => ({ window: -1 }))],
    ['the other theta', layer((l) => (sliding(l) ? { ropeTheta: 160_000 } : {}))],
    ['gelu by tanh', (config) => ({ ...config, hiddenActivation: 'gelu_new' })],
    ['another head', (config) => ({ ...config, classifierActivation: 'silu' })],
    ['another epsilon', (config) => ({ ...config, normEps: 1e-3 })],
    ['other heads', (config) => ({ ...config, numHeads: 8, headDim: 8 })],
  ])('%s is seen', async (_, change) => {
    const oracle = createOracle(change(base.config), base.tensors, base.task);
    expect(await distance(oracle, promptOf(base, 'long'))).toBeGreaterThan(gate);
  });

  test('one weight scaled by 1.01 is seen', async () => {
    const name = 'model.layers.2.attn.Wo.weight';
    const tensors = new Map(base.tensors);
    const ref = tensors.get(name);
    if (ref === undefined) throw new Error(name);
    tensors.set(name, {
      ...ref,
      read: async (start, end) => {
        const bytes = (await ref.read(start, end)).slice();
        const values = new Float32Array(bytes.buffer);
        values.forEach((value, i) => (values[i] = value * 1.01));
        return bytes;
      },
    });
    const oracle = createOracle(base.config, tensors, base.task);
    expect(await distance(oracle, promptOf(base, 'single'))).toBeGreaterThan(gate);
  });
});
