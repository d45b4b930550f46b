// The built command continuing prompts.

import { rmSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { openTokenizer } from '../src/runtime/text/tokenizer.ts';
import {
  caseFolder,
  command,
  documentOf,
  errorLine,
  noGpu,
  type Ran,
  type RunOptions,
} from './command.ts';
import { must } from './must.ts';
import { goldenOf } from './output-folder.ts';

interface Sequence {
  readonly prompt: string;
  readonly sequence: number;
  readonly text: string;
  readonly ids: readonly number[];
  readonly ending: string;
}

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  const convert = ['convert', caseFolder('shakespeare'), '--dtype', 'fp32,fp16', '-o', 'out'];
  const { status, stderr } = await command(convert, { cwd });
  if (status !== 0) throw new Error(stderr);
});

afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

/** Generates on ONNX Runtime, unless the arguments say otherwise: a software GPU is slow. */
const generate = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  command(['generate', 'out', ...cpu, ...args], { cwd, ...options });

const sequencesOf = (ran: Ran): readonly Sequence[] =>
  documentOf(ran)['sequences'] as readonly Sequence[];

const short = ['--max-new-tokens', '8'];
const cpu = ['--runtime', 'onnxruntime'];

describe('generate', () => {
  it.each(['webgpu', 'onnxruntime', 'reference'])(
    'continues on %s as transformers does',
    async (runtime) => {
      const { prompts } = await goldenOf('shakespeare');
      const { greedy, inputIds } = must(
        prompts.find(({ name }) => name === 'romeo'),
        'prompt',
      );
      const [, length = 0] = inputIds.shape;
      const tokenizer = await openTokenizer(await openFolder(caseFolder('shakespeare')));
      const prompt = tokenizer.decode(Array.from(inputIds.data, Number));
      const expected = Array.from(must(greedy, 'greedy').data.subarray(length, length + 8), Number);
      const args = [prompt, ...short, '--runtime', runtime];
      const ran = await generate([...args, '--json']);
      expect(documentOf(ran)).toMatchObject({
        command: 'generate',
        status: 'pass',
        runtime: expect.stringContaining(runtime),
        dtype: 'fp32',
        sequences: [
          {
            prompt,
            sequence: 0,
            ids: expected,
            text: tokenizer.decode(expected),
            ending: 'length',
          },
        ],
      });
      expect(documentOf(ran)).not.toHaveProperty('seed');
      if (runtime === 'webgpu') return; // how it is printed is the same, and a software GPU slow
      const plain = await generate(args);
      expect(plain.stdout).toBe(`${prompt}${tokenizer.decode(expected)}\n`);
      expect(plain.stderr).toMatch(/^note: 8 tokens, [\d.]+ tokens per second; .*, fp32\n$/m);
    },
  );

  it('reads one prompt from stdin, without the line end that echo adds', async () => {
    const given = await generate(['First line\nROMEO:', ...short]);
    const piped = await generate(short, { input: 'First line\nROMEO:\n' });
    expect(piped.stdout).toBe(given.stdout);
    expect(sequencesOf(await generate([...short, '--json'], { input: '' }))).toMatchObject([
      { prompt: '' },
    ]);
  });

  it('draws the same text for the same seed, and implies drawing', async () => {
    const drawn = ['ROMEO:', ...short, '--temperature', '0.8', '--json', '--seed'];
    const [one, again, other] = await Promise.all(
      ['1', '1', '2'].map((seed) => generate([...drawn, seed])),
    );
    const greedy = await generate(['ROMEO:', ...short, '--json', '--seed', '1', '--no-do-sample']);
    const ids = [one, again, other, greedy].map((ran) => sequencesOf(must(ran, 'ran'))[0]?.ids);
    expect(ids[1]).toEqual(ids[0]);
    expect(new Set([ids[0], ids[2], ids[3]].map(String)).size).toBe(3);
    expect(documentOf(must(one, 'ran'))).toMatchObject({ seed: 1 });
  });

  it('continues several prompts, several times each, under headings', async () => {
    const args = ['ROMEO:', 'JULIET: O', ...short, '--num-return-sequences', '2', '--seed', '5'];
    const plain = await generate(args);
    const sequences = sequencesOf(await generate([...args, '--json']));
    expect(sequences.map(({ prompt, sequence }) => [prompt, sequence])).toEqual([
      ['ROMEO:', 0],
      ['ROMEO:', 1],
      ['JULIET: O', 0],
      ['JULIET: O', 1],
    ]);
    const headings = [
      '== prompt 1, sequence 1 ==',
      '== prompt 1, sequence 2 ==',
      '== prompt 2, sequence 1 ==',
      '== prompt 2, sequence 2 ==',
    ];
    const texts = sequences.map(({ prompt, text }, at) => `${headings[at]}\n${prompt}${text}\n`);
    expect(plain.stdout).toBe(texts.join('\n'));
    const alone = ['JULIET: O', ...short, '--num-return-sequences', '2', '--seed', '5', '--json'];
    expect(sequencesOf(await generate(alone)).map(({ ids }) => ids)).toEqual(
      sequences.slice(2).map(({ ids }) => ids),
    );
  });

  it('ends before a stop text', async () => {
    const args = ['ROMEO:', '--max-new-tokens', '40', '--dtype', 'fp16'];
    const whole = await generate(args);
    const ended = await generate([...args, '--stop', 'nowhere', '--stop', 'physician']);
    expect(whole.stdout).toContain('physician');
    expect(ended.stdout).toBe(`${whole.stdout.slice(0, whole.stdout.indexOf('physician'))}\n`);
    const document = await generate([...args, '--stop', 'physician', '--json']);
    expect(sequencesOf(document)).toMatchObject([{ ending: 'stop' }]);
    expect(documentOf(document)).toMatchObject({ dtype: 'fp16' });
  });

  it('adds 256 tokens where nothing says how many, and less where positions end', async () => {
    const lengthOf = (ran: Ran): number => sequencesOf(ran)[0]?.ids.length ?? 0;
    expect(lengthOf(await generate(['ROMEO:', '--json']))).toBe(256);
    const long = await generate(['O '.repeat(1000), '--json']);
    expect(lengthOf(long)).toBeLessThan(256);
    expect(lengthOf(await generate(['ROMEO:', '--max-length', '10', '--json']))).toBe(7);
  });

  it('follows generation_config.json, and says what it does not', async () => {
    await cp(join(cwd, 'out'), join(cwd, 'recommended'), { recursive: true });
    const file = join(cwd, 'recommended/generation_config.json');
    await writeFile(file, '{"max_new_tokens": 3, "do_sample": true, "num_beams": 2}');
    const ran = await command(['generate', 'recommended', 'ROMEO:', '--json', ...cpu], { cwd });
    expect(sequencesOf(ran)[0]?.ids).toHaveLength(3);
    expect(documentOf(ran)['seed']).toBeTypeOf('number');
    expect(documentOf(ran)['warnings']).toEqual([expect.stringContaining('num_beams')]);
    await rm(file);
    const plain = await command(['generate', 'recommended', 'ROMEO:', ...short, '--json', ...cpu], {
      cwd,
    });
    expect(sequencesOf(plain)[0]?.ids).toHaveLength(8);
  });
});

describe('generate that is not waited for', () => {
  const long = ['ROMEO:', '--max-new-tokens', '1000'];

  it('ends quietly where its reader goes away', async () => {
    const ran = await generate(long, { onOutput: (child) => void child.stdout?.destroy() });
    expect(ran.status).toBe(0);
    expect(Number(/^note: (\d+) tokens/m.exec(ran.stderr)?.[1])).toBeLessThan(500);
    expect(ran.stderr).not.toContain('error');
  });

  it('ends with 130 on Ctrl-C', async () => {
    const ran = await generate(long, { onOutput: (child) => void child.kill('SIGINT') });
    expect(ran.status).toBe(130);
    expect(errorLine(ran)).toBe('error[INTERRUPTED]: ended by SIGINT');
    expect(ran.stdout).toMatch(/^ROMEO:/);
  });
});

describe('generate without a GPU', () => {
  it('ends with 69 and says what brings one', async () => {
    const ran = await generate(['x', '--runtime', 'webgpu'], { env: noGpu });
    expect([ran.status, ran.stdout]).toEqual([69, '']);
    expect(errorLine(ran)).toMatch(/^error\[RUNTIME_MISSING\]: there is no GPU adapter: install/);
    expect(errorLine(ran)).toMatch(/`apt-get install .*&& export .*VK_ICD_FILENAMES=\S+\.json`/);
  });

  it('takes the next runtime, and says so', async () => {
    const args = ['ROMEO:', ...short, '--json'];
    const ran = await generate([...args, '--runtime', 'auto'], { env: noGpu });
    expect(ran.stderr).toMatch(/^warning: there is no GPU adapter: .*; onnxruntime computes$/m);
    expect(documentOf(ran)).toMatchObject({
      runtime: expect.stringMatching(/^onnxruntime /),
      warnings: [expect.stringMatching(/; onnxruntime computes$/)],
    });
    expect(sequencesOf(ran)).toEqual(sequencesOf(await generate(args)));
  });

  it('is not how it is with one: auto takes the GPU', async () => {
    const ran = await generate(['ROMEO:', '--max-new-tokens', '2', '--json', '--runtime', 'auto']);
    expect(documentOf(ran)).toMatchObject({ runtime: expect.stringMatching(/^webgpu \(/) });
    expect(documentOf(ran)).not.toHaveProperty('warnings.0');
  });
});

describe('generate refuses', () => {
  it.each([
    ['more tokens than positions', ['x', '--max-new-tokens', '2000'], 69, /at most 1022 new/],
    ['a length of the prompt alone', ['x', '--max-length', '2'], 2, /as long as the sequence/],
    ['a temperature of 0', ['x', '--temperature', '0'], 2, /Expected is a number above 0/],
    ['a part above 1', ['x', '--top-p', '1.5'], 2, /Expected is a number from 0 to 1/],
    ['half a token', ['x', '--top-k', '0.5'], 2, /a whole number of 0 or more/],
    ['two formats', ['x', '--dtype', 'fp32,fp16'], 2, /One is expected/],
    [
      'equal sequences',
      ['x', '--num-return-sequences', '2', '--no-do-sample'],
      2,
      /all be the same/,
    ],
  ])('%s', async (_, args, status, message) => {
    const ran = await generate(args);
    expect([ran.status, ran.stdout]).toEqual([status, '']);
    expect(errorLine(ran)).toMatch(message);
  });

  it('a prompt that is no text', async () => {
    const ran = await generate([], { input: Uint8Array.of(0x61, 0xff) });
    expect([ran.status, errorLine(ran)]).toEqual([
      65,
      'error[FILE_KIND]: stdin is not UTF-8: convert it to UTF-8',
    ]);
  });

  it('a checkpoint, a folder without a tokenizer, and a format that is not there', async () => {
    const checkpoint = await command(['generate', caseFolder('shakespeare'), 'x'], { cwd });
    expect(errorLine(checkpoint)).toMatch(/has no manifest .*give a folder that convert wrote/);
    const args = ['convert', caseFolder('clm-default'), '-o', 'plain'];
    await command(args, { cwd });
    const plain = await command(['generate', 'plain', 'x'], { cwd });
    expect([plain.status, errorLine(plain)]).toEqual([
      66,
      expect.stringMatching(/the folder has no tokenizer.json/),
    ]);
    const half = await command(['generate', 'plain', 'x', '--dtype', 'fp16'], { cwd });
    expect(errorLine(half)).toMatch(/no fp16 model .*convert with --dtype fp16/);
  });
});
