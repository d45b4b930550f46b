// The built command labeling texts.

import { rmSync } from 'node:fs';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { openTokenizer } from '../src/runtime/text/tokenizer.ts';
import { rowsOf } from '../src/validate/prompt.ts';
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

interface Result {
  readonly text: string;
  readonly labels: readonly { readonly label: string; readonly score: number }[];
}

const labels = ['question', 'exclamation', 'statement'];
let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  const convert = ['convert', caseFolder('shakespeare-mood'), '-o', 'out'];
  const { status, stderr } = await command(convert, { cwd });
  if (status !== 0) throw new Error(stderr);
});

afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const classify = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  command(['classify', 'out', ...args], { cwd, ...options });

const resultsOf = (ran: Ran): readonly Result[] => documentOf(ran)['results'] as readonly Result[];

describe('classify', () => {
  it.each(['onnxruntime', 'reference'])(
    'on %s gives the probabilities of transformers',
    async (runtime) => {
      const { prompts } = await goldenOf('shakespeare-mood');
      const tokenizer = await openTokenizer(await openFolder(caseFolder('shakespeare-mood')));
      const rows = prompts.flatMap(rowsOf);
      const texts = rows.map(({ ids }) => tokenizer.decode(ids.map(Number)));
      const ran = await classify([...texts, '--runtime', runtime, '--json']);
      expect(documentOf(ran)).toMatchObject({
        command: 'classify',
        scoring: 'softmax',
        dtype: 'fp32',
      });
      const results = resultsOf(ran);
      expect(results.map(({ text }) => text)).toEqual(texts);
      for (const [index, { ids, expected }] of rows.entries()) {
        const logits = [...must(expected.get(ids.length - 1), 'logits')];
        const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
        const scores = new Map(
          must(results[index], 'result').labels.map((l) => [l.label, l.score]),
        );
        for (const [id, label] of labels.entries()) {
          expect(scores.get(label)).toBeCloseTo(Math.exp(logits[id] ?? Number.NaN) / sum, 4);
        }
        const best = labels[logits.indexOf(Math.max(...logits))];
        expect(results[index]?.labels[0]?.label).toBe(best);
      }
    },
  );

  it('prints labels best first, under each text where there are several', async () => {
    const one = await classify(['O Romeo!']);
    expect(one.stdout).toBe('exclamation   99.2 %\nquestion       0.7 %\nstatement      0.1 %\n');
    expect(one.stderr).toMatch(/^note: .*, fp32$/m);
    const two = await classify(['O Romeo!', 'I go.', '--top', '1']);
    expect(two.stdout).toBe('O Romeo!\n  exclamation   99.2 %\nI go.\n  statement   75.2 %\n');
  });

  it('takes every line of stdin as a text', async () => {
    const lines = Array.from({ length: 70 }, (_, at) => `Line ${at}, my lord!`);
    const given = await classify([...lines, '--top', '1'], { env: noGpu });
    const input = `${lines.join('\r\n')}\n\n`;
    const piped = await classify(['--top', '1'], { input, env: noGpu });
    expect(piped.stdout).toBe(given.stdout);
    expect(given.stdout.split('\n')).toHaveLength(141);
    expect(resultsOf(await classify(['--json'], { input: '\n' }))).toEqual([]);
  });

  it('judges labels one by one where the config says that they do not exclude each other', async () => {
    await cp(join(cwd, 'out'), join(cwd, 'multi'), { recursive: true });
    const file = join(cwd, 'multi/config.json');
    const config = (await readFile(file, 'utf8')).replace('single_label', 'multi_label');
    await writeFile(file, config);
    const ran = await command(['classify', 'multi', 'O Romeo!', '--json'], { cwd });
    expect(documentOf(ran)).toMatchObject({ scoring: 'sigmoid' });
  });

  it('refuses a language model, and generate a classifier', async () => {
    await command(['convert', caseFolder('shakespeare'), '-o', 'poet'], { cwd });
    const poet = await command(['classify', 'poet', 'x'], { cwd });
    expect([poet.status, errorLine(poet)]).toEqual([
      2,
      'error[USAGE]: the folder holds a model for text-generation (folder=poet): modernbert-onnx ' +
        'generate works on it; for text-classification convert with --task text-classification',
    ]);
    const critic = await command(['generate', 'out', 'x'], { cwd });
    expect(errorLine(critic)).toContain('modernbert-onnx classify works on it');
  });

  it('refuses a text that is too long, by its number', async () => {
    const ran = await classify(['short', 'O '.repeat(2000)]);
    expect([ran.status, ran.stdout]).toEqual([69, '']);
    expect(errorLine(ran)).toMatch(/longer than the model has positions for \(text=2, tokens=/);
  });
});
