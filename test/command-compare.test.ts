// The built command comparing formats on a text: its figures against sums over all logits, and its
// page in a browser.

import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../src/base/manifest.ts';
import { parseManifest } from '../src/base/manifest-reader.ts';
import { modelOf } from '../src/base/model.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { readOutputConfig } from '../src/runtime/output.ts';
import { openTokenizer } from '../src/runtime/text/tokenizer.ts';
import { openChromium } from './chromium.ts';
import { caseFolder, command, documentOf, errorLine, type Ran } from './command.ts';
import { must } from './must.ts';

const verse = readFileSync(join(import.meta.dirname, 'data/verse.txt'), 'utf8');

const [window, tokens] = [64, 266];
const names = { fp32: 'model.onnx', fp16: 'model_fp16.onnx', q4: 'model_q4.onnx' };

const heads = ['bytes', 'of fp32', 'perplexity', 'mean KL', 'max KL', 'top-1'];

let cwd = '';
let ran: Ran;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  writeFileSync(join(cwd, 'verse.txt'), `\ufeff${verse}`);
  const convert = ['convert', caseFolder('shakespeare'), '-o', 'models <b>'];
  const { status, stderr } = await command([...convert, '--dtype', 'fp32,fp16,q4'], { cwd });
  if (status !== 0) throw new Error(stderr);
  ran = await compare('--tokens', String(tokens), '--json', '--html', 'page.html');
});
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const compare = (...args: readonly string[]): Promise<Ran> => {
  const usual = ['--text', 'verse.txt', '--window', String(window), '--runtime', 'onnxruntime'];
  return command(['compare', 'models <b>', ...usual, ...args], { cwd });
};

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly kl: number;
}

interface Found {
  readonly dtype: keyof typeof names;
  readonly bytes: number;
  readonly perplexity: number;
  readonly kl?: number;
  readonly klMax?: number;
  readonly top1?: number;
  readonly klByPosition?: readonly Bin[];
  readonly layerErrors?: readonly { readonly part: string; readonly error: number }[];
}

const found = (): readonly Found[] => documentOf(ran)['models'] as readonly Found[];

/** Log probabilities at every position, window by window. */
async function logProbabilities(name: string): Promise<readonly number[][]> {
  const root = await openFolder(join(cwd, 'models <b>'));
  const { config } = await readOutputConfig({ root });
  const runner = await openOnnxRuntime(join(cwd, 'models <b>/onnx', name));
  const model = modelOf(runner, config, 'text-generation');
  const rows: number[][] = [];
  const ids = await tokenIds();
  for (let from = 0; from < ids.length; from += window) {
    const some = BigInt64Array.from(ids.slice(from, from + window), BigInt);
    const mask = new BigInt64Array(window).fill(1n);
    const outputs = await model.run({ batch: 1, ids: some, mask });
    for (let at = 0; at < window; at++) {
      const logits = [...outputs.vector(0, at)];
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      rows.push(logits.map((logit) => logit - Math.log(sum)));
    }
  }
  await runner.close();
  return rows;
}

/** The tokens of whole windows, without the one that begins a text. */
async function tokenIds(): Promise<readonly number[]> {
  const tokenizer = await openTokenizer(await openFolder(caseFolder('shakespeare')));
  const [, ...ids] = tokenizer.encode(verse);
  return ids.slice(0, tokens - (tokens % window));
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const best = (row: readonly number[] = []): number => row.indexOf(Math.max(...row));

describe('compare', () => {
  it('finds what sums over all logits say', async () => {
    const ids = await tokenIds();
    const base = await logProbabilities(names.fp32);
    expect(ran).toMatchObject({ status: 0, stderr: expect.stringContaining('tokens compared') });
    expect(documentOf(ran)).toMatchObject({
      runtime: expect.stringMatching(/^onnxruntime .* \(cpu\)$/),
      folder: 'models <b>',
      text: 'verse.txt',
      window,
      windows: 4,
      tokens: 256,
      left: 10,
    });
    expect(found().map(({ dtype }) => dtype)).toEqual(['fp32', 'fp16', 'q4']);
    for (const model of found()) {
      const file = join(cwd, 'models <b>/onnx', names[model.dtype]);
      const logs = await logProbabilities(names[model.dtype]);
      const kl = base.map((p, at) =>
        p.reduce((sum, log, token) => sum + Math.exp(log) * (log - (logs[at]?.[token] ?? 0)), 0),
      );
      const nll = logs.flatMap((row, at) =>
        at % window < window - 1 ? [-must(row[must(ids[at + 1], 'id')], 'probability')] : [],
      );
      const distance = {
        kl: expect.closeTo(mean(kl), 6) as number,
        klMax: expect.closeTo(Math.max(...kl), 5) as number,
        top1: expect.closeTo(mean(base.map((p, at) => Number(best(p) === best(logs[at])))), 2),
      };
      expect(model).toMatchObject({
        bytes: statSync(file).size + statSync(`${file}_data`).size,
        perplexity: expect.closeTo(Math.exp(mean(nll)), 3) as number,
        ...(model.dtype !== 'fp32' && distance),
      });
    }
    const [, half, four] = found();
    expect(must(four?.layerErrors, 'errors').map(({ part }) => part)).toEqual([
      'embeddings',
      ...Array.from({ length: 7 }, (_, layer) => `layer ${layer}`),
    ]);
    expect(must(half?.kl, 'kl')).toBeLessThan(1e-4);
    expect(must(four?.kl, 'kl')).toBeGreaterThan(0.01);
    expect(mean(must(four?.klByPosition, 'bins').map(({ kl }) => kl))).toBeCloseTo(
      four?.kl ?? 0,
      9,
    );
  });

  it('records its figures of the files that the manifest lists', async () => {
    const place = join(cwd, 'models <b>/modernbert-onnx.json');
    const recorded = (): Manifest['comparisons'] => parseManifest(readFileSync(place)).comparisons;
    const first = recorded() ?? [];
    const text = createHash('sha256').update(`\ufeff${verse}`).digest('hex');
    const [{ perplexity } = {}, , { perplexity: four, kl, klMax, top1 } = {}] = found();
    expect(first).toHaveLength(3);
    expect(first[0]?.figures).toEqual({ perplexity });
    expect(first[2]).toEqual({
      dtype: 'q4',
      runtime: documentOf(ran)['runtime'],
      text,
      tokens: 256,
      window,
      figures: { perplexity: four, meanKl: kl, maxKl: klMax, top1 },
    });
    await compare('--tokens', '64', '--dtype', 'fp16', '--no-record');
    const config = join(cwd, 'models <b>/config.json');
    appendFileSync(config, ' ');
    const refused = await compare('--tokens', '64');
    truncateSync(config, statSync(config).size - 1);
    expect([refused.status, errorLine(refused)]).toEqual([65, expect.stringMatching(/size/)]);
    expect(recorded()).toEqual(first);
  });

  it('prints a table, of the formats that are asked for', async () => {
    const { status, stdout } = await compare('--tokens', '64', '--dtype', 'fp16');
    expect(status).toBe(0);
    const [title, runtime, , head, ...rows] = stdout.trimEnd().split('\n');
    expect(title).toBe('models <b> on verse.txt: 64 tokens in 1 window of 64');
    expect(runtime).toMatch(/^onnxruntime /);
    expect(head?.trim().split(/ {2,}/)).toEqual(heads);
    expect(rows).toEqual([
      expect.stringMatching(/^ {2}fp32 +5,\d{3},\d{3} +100\.0 % +\d+\.\d{3}$/),
      expect.stringMatching(/^ {2}fp16 .* 50\.\d % +\d+\.\d{3} .*e-\d .* %$/),
    ]);
  });

  it.each([
    ['a text that is not there', ['--text', 'prose.txt'], 66, /no such file.*prose\.txt/],
    ['a folder for a text', ['--text', 'models <b>'], 65, /this is a folder/],
    ['a text without text', ['--text', 'empty.txt'], 2, /shorter than one window \(tokens=0/],
    ['a text of another encoding', ['--text', 'latin1.txt'], 65, /not UTF-8 \(file=latin1\.txt\)/],
    ['a window that no text fills', ['--window', '1000'], 2, /a smaller --window/],
    ['a window that the model lacks', ['--window', '1025'], 2, /positions=1024\): give --window 1/],
    ['a format that is not there', ['--dtype', 'q8'], 66, /no q8 model.*--dtype q8/],
    ['a page in no folder', ['--html', 'nowhere/page.html'], 73, /the page cannot be created/],
    ['a page over a folder', ['--html', 'models <b>'], 73, /the page cannot be created/],
  ])('refuses %s', async (_, args, status, message) => {
    writeFileSync(join(cwd, 'empty.txt'), '');
    writeFileSync(join(cwd, 'latin1.txt'), Uint8Array.of(0x4f, 0xe9, 0x0a));
    const refused = await compare(...args);
    expect([refused.status, refused.stdout]).toEqual([status, '']);
    expect(errorLine(refused)).toMatch(message);
  });

  it('refuses a classifier, and a folder without fp32', async () => {
    const cases = [
      ['cls-three-labels', 'fp32', 2, /compare measures language models: convert with --task/],
      ['clm-default', 'fp16', 66, /no fp32 model.*--dtype fp32/],
    ] as const;
    for (const [name, dtype, status, message] of cases) {
      await command(['convert', caseFolder(name), '-o', name, '--dtype', dtype], { cwd });
      const refused = await command(['compare', name, '--text', 'verse.txt'], { cwd });
      expect(refused.status).toBe(status);
      expect(errorLine(refused)).toMatch(message);
    }
  });
});

describe('the page of a comparison', () => {
  let browser: Browser | undefined;
  let page: Page;
  const said: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    browser = await openChromium();
    if (browser === undefined) return;
    const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: 'dark' });
    page = await context.newPage();
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(join(cwd, 'page.html')).href);
  });
  afterAll(async () => {
    await browser?.close();
  });
  beforeEach(({ skip }) => {
    if (browser === undefined) skip('no Chromium comes for this platform, and no Chrome is there');
  });

  it('loads nothing, runs nothing, and says nothing is wrong', async () => {
    expect(await page.title()).toBe('models <b>: what smaller formats cost');
    expect(asked).toEqual([pathToFileURL(join(cwd, 'page.html')).href]);
    expect(said).toEqual([]);
    expect(readFileSync(join(cwd, 'page.html'), 'utf8')).not.toMatch(/<script|https?:/);
  });

  it('has the points where sizes and divergences are', async () => {
    const plot = page.getByRole('img', { name: 'Size against mean KL divergence' });
    const half = must((await plot.locator('.fp16 .point').boundingBox()) ?? undefined, 'fp16');
    const four = must((await plot.locator('.q4 .point').boundingBox()) ?? undefined, 'q4');
    const [, { kl = 0 } = {}, { kl: klOfFour = 0 } = {}] = found();
    expect(await plot.locator('.point').count()).toBe(2);
    expect(four.x).toBeLessThan(half.x);
    // a decade is as far everywhere
    const ticks = await plot.locator('.grid').all();
    const heights = await Promise.all(
      ticks.map(async (tick) => (await tick.boundingBox())?.y ?? 0),
    );
    const decade = (Math.max(...heights) - Math.min(...heights)) / (heights.length - 1);
    const middle = ({ y, height }: typeof half): number => y + height / 2;
    const decades = (middle(half) - middle(four)) / decade;
    expect(Math.abs(decades - Math.log10(klOfFour / kl))).toBeLessThan(0.1);
  });

  it('has a point for each bin of positions, and the numbers in tables', async () => {
    const plot = page.getByRole('img', { name: 'Mean KL divergence by position' });
    for (const { dtype, klByPosition = [] } of found()) {
      expect(await plot.locator(`.series.${dtype} .point`).count()).toBe(klByPosition.length);
    }
    expect(await plot.locator('.series').count()).toBe(2);
    const layers = page.getByRole('img', { name: 'Relative error behind each layer' });
    for (const { dtype, layerErrors = [] } of found()) {
      expect(await layers.locator(`.series.${dtype} .point`).count()).toBe(layerErrors.length);
    }
    const [figures, positions, errors] = await page.getByRole('table').all();
    expect(await figures?.getByRole('row').count()).toBe(4);
    expect(await positions?.getByRole('row').count()).toBe(17);
    expect(await errors?.getByRole('row').count()).toBe(9);
    const [, , half, four] = (await figures?.getByRole('row').allInnerTexts()) ?? [];
    expect(half).toMatch(/^fp16\s+2,\d+,\d+\s+50\.\d %\s+\d+\.\d+\s+\d\.\d+e-\d/);
    expect(four).toMatch(/^q4\s+1,\d+,\d+\s+19\.\d %/);
  });
});
