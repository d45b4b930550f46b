// What runs in a browser reads the folders that a conversion writes, as they are. One browser, and
// one page for each consumer, whose WebGPU is SwiftShader: a GPU in software.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openChromium } from '../chromium.ts';
import { consumerPage, servedCase } from '../consumer-page.ts';
import { must } from '../must.ts';
import { goldenOf } from '../output-folder.ts';
import type { TransformersJs } from '../pages/transformers-js.ts';
import type { GoldenPrompt, Ids } from '../../src/validate/golden.ts';
import { serve, type WebServer } from '../web-server.ts';

const name = 'shakespeare';
const transformers = import.meta.resolve('@huggingface/transformers');
let server: WebServer;
let browser: Browser | undefined;

beforeAll(async () => {
  const options = { dtypes: ['fp32'] } as const;
  const files = await Promise.all([
    consumerPage('transformers-js', transformers),
    servedCase(name, 'onnxruntime', options),
    servedCase(name, 'portable', options),
  ]);
  server = await serve(new Map(files.flatMap((some) => [...some])));
  browser = await openChromium();
});

afterAll(async () => {
  await browser?.close();
  await server.close();
});

beforeEach(({ skip }) => {
  if (browser === undefined) skip('no Chromium comes for this platform, and no Chrome is there');
});

/** The page of a consumer; it asks nothing of another server. */
async function open(consumer: string): Promise<Page> {
  const page = await must(browser, 'browser').newPage();
  await page.route(
    (url) => url.origin !== server.origin && url.protocol !== 'blob:',
    (route) => route.abort(),
  );
  await page.goto(`${server.origin}/${consumer}.html`);
  return page;
}

async function promptOf(wanted: string): Promise<GoldenPrompt> {
  const { prompts } = await goldenOf(name);
  return must(
    prompts.find((prompt) => prompt.name === wanted),
    wanted,
  );
}

function rowsOf({ data, shape: [, length = 1] }: Ids): readonly (readonly number[])[] {
  const ids = [...data].map(Number);
  const rows = Array.from({ length: ids.length / length }, (_, row) => row * length);
  return rows.map((from) => ids.slice(from, from + length));
}

/** Of software in a browser: minutes, where others use the machine too. */
const patience = 180_000;

describe('transformers.js', () => {
  let page: Page;
  beforeAll(async () => {
    if (browser !== undefined) page = await open('transformers-js');
  });

  type Call<Name extends keyof TransformersJs> = Parameters<TransformersJs[Name]>;

  const generate = (...call: Call<'generate'>): ReturnType<TransformersJs['generate']> =>
    page.evaluate((args) => (globalThis as unknown as TransformersJs).generate(...args), call);

  const logits = (...call: Call<'logits'>): ReturnType<TransformersJs['logits']> =>
    page.evaluate((args) => (globalThis as unknown as TransformersJs).logits(...args), call);

  // A prompt of more than 32 tokens is a continuation that has begun: see below.
  test.each([
    { device: 'wasm', target: 'onnxruntime', prompt: 'romeo', begun: 0 },
    { device: 'wasm', target: 'onnxruntime', prompt: 'batch-left-pad', begun: 0 },
    { device: 'webgpu', target: 'portable', prompt: 'romeo', begun: 20 },
  ] as const)(
    'continues $prompt as transformers does, on $device with the $target target',
    async ({ device, target, prompt, begun }) => {
      const { inputIds, attentionMask, greedy } = await promptOf(prompt);
      const expected = rowsOf(must(greedy, 'continuation'));
      const [start = 0, length = 0] = [inputIds, must(greedy, 'continuation')].map(
        ({ shape }) => shape[1],
      );
      const input = {
        ids: expected.map((row) => row.slice(0, start + begun)),
        mask: rowsOf(attentionMask).map((row) => [...row, ...Array<number>(begun).fill(1)]),
      };
      expect(await generate(`${name}-${target}`, device, input, length)).toEqual(expected);
    },
    patience,
  );

  /** The distance from the golden behind the first tokens of a long prompt, for the largest logit. */
  async function distances(target: string, counts: readonly number[]): Promise<readonly number[]> {
    const { inputIds, logits: recorded } = await promptOf('long');
    const { data, shape } = must(recorded, 'logits');
    const [, kept, width = 0] = shape;
    expect(kept).toBe(inputIds.shape[1]);
    const [ids = []] = rowsOf(inputIds);
    const prompts = counts.map((count) => ids.slice(0, count));
    const found = await logits(`${name}-${target}`, 'webgpu', prompts);
    return counts.map((count, i) => {
      const expected = data.subarray((count - 1) * width, count * width);
      const differences = expected.map((value, at) => Math.abs(value - (found[i]?.[at] ?? NaN)));
      return Math.max(...differences) / Math.max(...expected.map(Math.abs));
    });
  }

  // The README warns of it. When this fails, ONNX Runtime has mended its attention.
  test(
    'computes prompts of 32 tokens and more wrongly on WebGPU with the onnxruntime target',
    async () => {
      const [short, long] = await distances('onnxruntime', [31, 32]);
      expect(short).toBeLessThan(5e-5);
      expect(long).toBeGreaterThan(1e-3);
    },
    patience,
  );
});
