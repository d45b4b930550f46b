// The page in a browser: it loads what convert wrote, from disk and from a server, and says on
// WebGPU what transformers said. One page for all tests, as a user has: it opens one model after
// another, and what is compiled for a model is compiled once.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { convert } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { openTokenizer, type Tokenizer } from '../src/runtime/text/tokenizer.ts';
import { rowsOf } from '../src/validate/prompt.ts';
import { openChromium } from './chromium.ts';
import { must } from './must.ts';
import { goldenFolder, goldenOf } from './output-folder.ts';
import { serve, type WebServer } from './web-server.ts';

const root = join(import.meta.dirname, '..');
let scratch = '';
let server: WebServer;
let browser: Browser | undefined;
let page: Page;

async function converted(name: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const sink = memorySink();
  const checkpoint = await openFolder(join(goldenFolder, name));
  await convert(checkpoint, sink, { dtypes: ['fp32'], target: 'portable' });
  return sink.files;
}

const tokenizerOf = async (name: string): Promise<Tokenizer> =>
  await openTokenizer(await openFolder(join(goldenFolder, name)));

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  for (const [path, bytes] of await converted('shakespeare')) {
    const file = join(scratch, 'shakespeare', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const built = join(scratch, 'page');
  const build = ['run', '--silent', 'web:build', '--', `--outdir=${built}`, '--log-level=error'];
  execFileSync('npm', build, { cwd: root });
  const files = readdirSync(built).map((name) => [name, readFileSync(join(built, name))] as const);
  const mood = [...(await converted('shakespeare-mood'))].map(
    ([path, bytes]) => [`models/mood/${path}`, bytes] as const,
  );
  server = await serve(new Map([...files, ...mood]));
  browser = await openChromium();
  if (browser === undefined) return;
  page = await browser.newPage();
  await page.goto(`${server.origin}/index.html`);
});

afterAll(async () => {
  await browser?.close();
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
});

beforeEach(({ skip }) => {
  if (browser === undefined) skip('no Chromium comes for this platform, and no Chrome is there');
});

const error = (): Promise<string> => page.getByRole('alert').innerText();

const pick = (folder: string): Promise<void> =>
  page.getByLabel('Folder on this machine').setInputFiles(join(scratch, folder));

/** Waits until nothing is being done. */
const idle = (): Promise<void> => page.getByRole('button', { name: 'Open' }).click({ trial: true });

async function generate(prompt: string, tokens: number): Promise<void> {
  await page.getByLabel('Prompt').fill(prompt);
  await page.getByLabel('New tokens at most').fill(String(tokens));
  await page.getByLabel('Temperature').fill('0');
  await page.getByRole('button', { name: 'Generate' }).click();
}

const generated = async (): Promise<string> =>
  (await page.getByLabel('Generated text').textContent()) ?? '';

describe('the page', () => {
  test('continues a prompt as transformers does, with a folder from disk', async () => {
    await pick('shakespeare');
    const { prompts } = await goldenOf('shakespeare');
    const tokenizer = await tokenizerOf('shakespeare');
    const { inputIds, greedy } = must(
      prompts.find(({ name }) => name === 'romeo'),
      'prompt',
    );
    const expected = [...must(greedy, 'continuation').data].map(Number);
    await generate(
      tokenizer.decode([...inputIds.data].map(Number)),
      expected.length - inputIds.data.length,
    );
    await idle();
    expect(await error()).toBe('');
    expect(await page.locator('#facts').innerText()).toMatch(
      /Adapter\s+.*swiftshader.*\s+Task\s+text-generation\s+Weights\s+fp32, 5\.\d MB/i,
    );
    expect(await generated()).toBe(tokenizer.decode(expected));
    expect(await page.locator('#speed').innerText()).toMatch(/^24 tokens, [\d.]+ tokens\/s$/);
  });

  test('stops when it is told to, and goes on after that', async () => {
    await generate('ROMEO:', 900);
    await page.getByText(/^[3-9] tokens/).waitFor();
    expect(await page.getByRole('button', { name: 'Generate' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Stop' }).click();
    await idle();
    const tokens = Number.parseInt(await page.locator('#speed').innerText(), 10);
    expect(tokens).toBeLessThan(900);
    await generate('ROMEO:', 2);
    await idle();
    expect(await page.locator('#speed').innerText()).toMatch(/^2 tokens/);
    expect(await error()).toBe('');
  });

  test('labels a text as transformers does, with a folder from a server', async () => {
    const { prompts } = await goldenOf('shakespeare-mood');
    const tokenizer = await tokenizerOf('shakespeare-mood');
    const { ids, expected } = must(prompts.flatMap(rowsOf)[0], 'prompt');
    const logits = [...must(expected.get(ids.length - 1), 'logits')];
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const scores = ['question', 'exclamation', 'statement']
      .map((label, id) => ({ label, share: (100 * Math.exp(logits[id] ?? Number.NaN)) / sum }))
      .toSorted((a, b) => b.share - a.share);

    await page.getByLabel('Hub repository').fill(`${server.origin}/models/mood`);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByLabel('Text', { exact: true }).fill(tokenizer.decode(ids.map(Number)));
    await page.getByRole('button', { name: 'Classify' }).click();
    await idle();
    expect(await error()).toBe('');
    const rows = await page.getByRole('table').getByRole('row').allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/).filter(Boolean))).toEqual(
      scores.map(({ label, share }) => [label, share.toFixed(1), '%']),
    );
    // the manifest says what there is; the weights are one request
    const asked = server.requests.filter((request) => request.includes('model.onnx_data'));
    expect(asked).toEqual([expect.stringMatching(/model\.onnx_data 0-\d+$/)]);
  });

  test('says what is wrong in one line, and works on', async () => {
    await pick('shakespeare/onnx');
    await idle();
    expect(await error()).toMatch(/^INPUT_MISSING: the folder has no manifest \(.*folder=onnx\): /);
    await page.getByLabel('Hub repository').fill(`${server.origin}/models/none`);
    await page.getByRole('button', { name: 'Open' }).click();
    await idle();
    expect(await error()).toMatch(/^INPUT_MISSING: the server has no such file .*status=404/);
    await page.evaluate(`Object.defineProperty(navigator, 'gpu', { value: undefined })`);
    await pick('shakespeare');
    await idle();
    expect(await error()).toMatch(/^RUNTIME_MISSING: the browser has no WebGPU: /);
    expect(await page.getByLabel('Prompt').isVisible()).toBe(false);
  });
});
