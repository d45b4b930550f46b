// What runs in a browser reads the folders that a conversion writes, as they are. One browser, and
// one page for each consumer, whose WebGPU is SwiftShader: a GPU in software.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { modelPaths, type Target, type WeightFormat } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert } from '../../src/convert.ts';
import { createOutput } from '../../src/onnx/file-sink.ts';
import { isDataFileOf } from '../../src/onnx/layout.ts';
import type { GoldenPrompt } from '../../src/validate/golden.ts';
import { verifyRunner } from '../../src/validate/protocol.ts';
import { openChromium } from '../chromium.ts';
import { consumerPage, servedFolder } from '../consumer-page.ts';
import { goldenOpener } from '../golden-case.ts';
import { idRows } from '../id-rows.ts';
import { must } from '../must.ts';
import { nodeGolden } from '../node-golden.ts';
import { goldenFolder, goldenOf } from '../output-folder.ts';
import type { Provider } from '../pages/onnxruntime-web.ts';
import type { TransformersJs } from '../pages/transformers-js.ts';
import { serve, type WebServer } from '../web-server.ts';
import { webRunner } from '../web-runner.ts';

/**
 * What is converted, with data files that are cut into several for one target. At accuracy level
 * 4 ONNX Runtime rounds activations in Node in another way than in browsers: 0 is compared exactly.
 */
const cases = [
  {
    name: 'shakespeare',
    target: 'onnxruntime',
    dtypes: ['fp32', 'q8', 'q4f16'],
    maxDataFileBytes: 2e6,
  },
  { name: 'shakespeare', target: 'portable', dtypes: ['fp32', 'q8'] },
  {
    name: 'clm-default',
    target: 'onnxruntime',
    dtypes: ['fp32', 'q4'],
    maxDataFileBytes: 2e5,
    quantization: { accuracyLevel: 0 },
  },
  { name: 'clm-default', target: 'portable', dtypes: ['fp32', 'q4'] },
] as const;

/** Of software in a browser: minutes, where others use the machine too. */
const patience = 180_000;

const root = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
let server: WebServer;
let browser: Browser | undefined;

async function converted({
  name,
  ...options
}: (typeof cases)[number]): Promise<ReadonlyMap<string, Uint8Array>> {
  const id = `${name}-${options.target}`;
  const path = join(root, id);
  const output = await createOutput(path, { force: false });
  await convert(await openFolder(join(goldenFolder, name)), output, options);
  await output.publish();
  return servedFolder(id, path);
}

beforeAll(async () => {
  const files = await Promise.all([
    consumerPage('transformers-js', import.meta.resolve('@huggingface/transformers')),
    consumerPage('onnxruntime-web', import.meta.url),
    ...cases.map(converted),
  ]);
  server = await serve(new Map(files.flatMap((some) => [...some])));
  browser = await openChromium();
}, patience);

afterAll(async () => {
  await browser?.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

beforeEach(({ skip }) => {
  if (browser === undefined) skip('no Chromium comes for this platform, and no Chrome is there');
});

/** The page of a consumer, which asks nothing of another server. It is opened before the tests. */
function pageOf(consumer: string): () => Page {
  let page: Page | undefined;
  beforeAll(async () => {
    page = await browser?.newPage();
    await page?.route(
      (url) => url.origin !== server.origin && url.protocol !== 'blob:',
      (route) => route.abort(),
    );
    await page?.goto(`${server.origin}/${consumer}.html`);
  }, patience);
  return () => must(page, 'page');
}

const opened = goldenOpener();

async function promptOf(name: string, wanted: string): Promise<GoldenPrompt> {
  const { prompts } = await goldenOf(name);
  return must(
    prompts.find((prompt) => prompt.name === wanted),
    wanted,
  );
}

/** The largest difference, in parts of the largest number. */
function relativeDifference(
  found: readonly number[],
  expected: Float32Array | Float64Array,
): number {
  const differences = expected.map((value, at) => Math.abs(value - (found[at] ?? Number.NaN)));
  return Math.max(...differences) / Math.max(...expected.map(Math.abs));
}

describe('transformers.js', () => {
  const page = pageOf('transformers-js');
  type Call<Name extends keyof TransformersJs> = Parameters<TransformersJs[Name]>;

  const generate = (...call: Call<'generate'>): ReturnType<TransformersJs['generate']> =>
    page().evaluate((args) => (globalThis as unknown as TransformersJs).generate(...args), call);

  const logits = (...call: Call<'logits'>): ReturnType<TransformersJs['logits']> =>
    page().evaluate((args) => (globalThis as unknown as TransformersJs).logits(...args), call);

  // A prompt of more than 32 tokens is a continuation that has begun: see below.
  test.each([
    { device: 'wasm', target: 'onnxruntime', dtype: 'fp32', prompt: 'romeo', begun: 0 },
    { device: 'wasm', target: 'onnxruntime', dtype: 'fp32', prompt: 'batch-left-pad', begun: 0 },
    { device: 'wasm', target: 'onnxruntime', dtype: 'q8', prompt: 'romeo', begun: 0 },
    { device: 'wasm', target: 'portable', dtype: 'fp32', prompt: 'romeo', begun: 12 },
    { device: 'wasm', target: 'portable', dtype: 'q8', prompt: 'romeo', begun: 12 },
    { device: 'webgpu', target: 'portable', dtype: 'fp32', prompt: 'romeo', begun: 21 },
  ] as const)(
    'continues $prompt as transformers does, on $device with $dtype of the $target target',
    async ({ device, target, dtype, prompt, begun }) => {
      const { inputIds, attentionMask, greedy } = await promptOf('shakespeare', prompt);
      const expected = idRows(must(greedy, 'continuation'));
      const [[, start = 0], [, length = 0]] = [inputIds.shape, must(greedy, 'ids').shape];
      const input = {
        ids: expected.map((row) => row.slice(0, start + begun)),
        mask: idRows(attentionMask).map((row) => [...row, ...Array<number>(begun).fill(1)]),
      };
      // q8 is what it takes on wasm when nobody says
      const options = dtype === 'q8' ? { device } : { device, dtype };
      expect(await generate(`shakespeare-${target}`, options, input, length)).toEqual(expected);
    },
    patience,
  );

  test('fetches q8 when nobody says, and every data file', () => {
    const fetched = server.requests.filter((path) => path.includes('/shakespeare-onnxruntime/'));
    const names = fetched.map((path) => path.split('/').at(-1));
    expect(names).toEqual(
      expect.arrayContaining(['model.onnx_data', 'model.onnx_data_1', 'model.onnx_data_2']),
    );
    expect(names).toContain('model_quantized.onnx_data');
  });

  test(
    'computes q4f16 of the onnxruntime target on wasm as ONNX Runtime does in Node',
    async () => {
      const { config, task } = await opened('shakespeare');
      const { inputIds } = await promptOf('shakespeare', 'romeo');
      const path = join(root, 'shakespeare-onnxruntime', modelPaths.q4f16);
      const { prompts } = await nodeGolden(path, { config, task }, [inputIds.data]);
      const expected = must(prompts[0]?.logits, 'logits').data.slice(-config.vocabSize);
      const options = { device: 'wasm', dtype: 'q4f16' } as const;
      const [found = []] = await logits('shakespeare-onnxruntime', options, idRows(inputIds));
      expect(relativeDifference(found, expected)).toBeLessThan(0.03);
    },
    patience,
  );

  // The README warns of this: when it fails, ONNX Runtime is mended.
  test(
    'computes prompts of 32 tokens and more wrongly on WebGPU with the onnxruntime target',
    async () => {
      const { inputIds, logits: recorded } = await promptOf('shakespeare', 'long');
      const { data, shape } = must(recorded, 'logits');
      const [, kept, width = 0] = shape;
      expect(kept).toBe(inputIds.shape[1]);
      const [ids = []] = idRows(inputIds);
      const prompts = [31, 32].map((count) => ids.slice(0, count));
      const options = { device: 'webgpu', dtype: 'fp32' } as const;
      const found = await logits('shakespeare-onnxruntime', options, prompts);
      const [short, long] = prompts.map(({ length }, i) => {
        return relativeDifference(
          found[i] ?? [],
          data.subarray((length - 1) * width, length * width),
        );
      });
      expect(short).toBeLessThan(5e-5);
      expect(long).toBeGreaterThan(1e-3);
    },
    patience,
  );
});

describe('onnxruntime-web', () => {
  const name = 'clm-default';
  const page = pageOf('onnxruntime-web');

  async function dataFiles(target: Target, dtype: WeightFormat): Promise<readonly string[]> {
    const models = await openFolder(join(root, `${name}-${target}`, 'onnx'));
    const model = modelPaths[dtype].replace('onnx/', '');
    return (await models.list()).filter((file) => isDataFileOf(model, file));
  }

  const open = async (provider: Provider, target: Target, dtype: WeightFormat) =>
    await webRunner(
      page(),
      `/models/${name}-${target}/${modelPaths[dtype]}`,
      await dataFiles(target, dtype),
      provider,
    );

  test.each([
    { provider: 'wasm', target: 'onnxruntime', dtype: 'fp32', counts: [9, 20] },
    { provider: 'wasm', target: 'onnxruntime', dtype: 'q4', counts: [9] },
    { provider: 'webgpu', target: 'onnxruntime', dtype: 'q4', counts: [5] },
    { provider: 'wasm', target: 'portable', dtype: 'fp32', counts: [9] },
    { provider: 'wasm', target: 'portable', dtype: 'q4', counts: [9] },
    { provider: 'webgpu', target: 'portable', dtype: 'fp32', counts: [5] },
    { provider: 'webgpu', target: 'portable', dtype: 'q4', counts: [5] },
  ] as const)(
    'gives what ONNX Runtime gives in Node, on $provider with $dtype of the $target target',
    async ({ provider, target, dtype, counts }) => {
      const { config, task } = await opened(name);
      const { inputIds } = await promptOf(name, 'long');
      const prompts = counts.map((count) => inputIds.data.slice(0, count));
      const path = join(root, `${name}-${target}`, modelPaths[dtype]);
      const golden = await nodeGolden(path, { config, task }, prompts);
      const runner = await open(provider, target, dtype);
      // the same weights in float32: the gates of fp32 hold whatever the weights were rounded to
      const report = await verifyRunner(runner, golden, config, task, 'fp32');
      await runner.close();
      expect(report.runtime).toMatch(/^onnxruntime-web 1\.\d+/);
      expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([]);
    },
    patience,
  );

  test('was given several data files', async () => {
    expect(await dataFiles('onnxruntime', 'fp32')).toContain('model.onnx_data_2');
    expect(await dataFiles('portable', 'fp32')).toEqual(['model.onnx_data']);
  });
});
