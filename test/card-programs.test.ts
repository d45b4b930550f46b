// The programs of a model card, taken out of it and run as they stand, each on the repository that
// the card is for. Names of the Hub lead to this machine by each library's own settings.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Task } from '../src/base/config.ts';
import { printManifest, type WeightFormat } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { convert } from '../src/convert.ts';
import { modelCard } from '../src/hub/card.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { caseFolder, noGpu } from './command.ts';
import { must } from './must.ts';
import { serve, type WebServer } from './web-server.ts';

interface Repository {
  readonly name: string;
  readonly from: string;
  readonly task: Task;
  readonly dtype: WeightFormat;
  /** What every program prints. */
  readonly prints: RegExp;
}

// II, or III from a prompt without the token that begins a text, as transformers.js tokenizes it
const story = /Once upon a time!\s+KING RICHARD II+:\s+O, what/;

const repositories: readonly Repository[] = [
  { name: 'text', from: 'shakespeare', task: 'text-generation', dtype: 'fp32', prints: story },
  { name: 'half', from: 'shakespeare', task: 'text-generation', dtype: 'fp16', prints: story },
  {
    name: 'mood',
    from: 'shakespeare-mood',
    task: 'text-classification',
    dtype: 'fp32',
    prints: /-?\d+\.\d+/,
  },
  {
    name: 'states',
    from: 'shakespeare',
    task: 'feature-extraction',
    dtype: 'fp32',
    prints: /\b128\b/,
  },
];

const commit = '0123456789abcdef0123456789abcdef01234567';
const python = process.env['PYTHON'] ?? 'python3';
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
const programs = new Map<string, readonly Program[]>();
let hub: WebServer | undefined;

interface Program {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The programs of a card with the headings that they stand under. */
function programsOf(card: string): readonly Program[] {
  const found = card.matchAll(/^### (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm);
  let heading = '';
  const all: Program[] = [];
  for (const [, title, language = '', text = ''] of found) {
    if (title === undefined) all.push({ heading, language, text });
    else heading = title;
  }
  return all;
}

beforeAll(async () => {
  const served = new Map<string, Uint8Array>();
  for (const { name, from, task, dtype } of repositories) {
    const sink = memorySink();
    const source = await openFolder(caseFolder(from));
    const manifest = await convert(source, sink, { dtypes: [dtype], target: 'onnxruntime', task });
    programs.set(name, programsOf(modelCard({ manifest, id: `some/${name}` })));
    for (const [path, bytes] of [
      ...sink.files,
      ['modernbert-onnx.json', printManifest(manifest)] as const,
    ]) {
      served.set(`some/${name}/resolve/main/${path}`, bytes);
      const place = join(folder, 'some', name, path);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, bytes);
    }
  }
  hub = await serve(served);
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  for (const name of ['@huggingface', 'onnxruntime-node']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  symlinkSync(root, join(folder, 'node_modules/modernbert-onnx'));
  const bin = join(folder, 'node_modules/.bin/modernbert-onnx');
  const start = JSON.stringify(join(root, 'dist/bin/modernbert-onnx.js'));
  writeFileSync(bin, `#!/bin/sh\nexec node ${start} "$@"\n`, { mode: 0o755 });
});
afterAll(async () => {
  await hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program in the folder that has copies of the repositories; what it prints. */
async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(command, args, {
    cwd: join(folder, 'some'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [printed, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const status = await new Promise((resolve) => {
    child.on('error', (error) => {
      said += error.message;
      resolve(undefined);
    });
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`${command}: ${said}`);
  return printed;
}

const separator = '=== the next program ===';

/** The one program under a heading, for every repository. */
function programsUnder(heading: string, language: string): readonly string[] {
  return repositories.map(({ name }) => {
    const found = must(programs.get(name), name).filter(
      (program) => program.heading === heading && program.language === language,
    );
    expect(found).toHaveLength(1);
    return must(found[0], heading).text;
  });
}

/** Runs modules one after the other in one process, behind a first one that sets names. */
async function runModules(setup: string, texts: readonly string[]): Promise<readonly string[]> {
  const at = mkdtempSync(join(folder, 'programs-'));
  const paths = texts.map((_, index) => join(at, `${index}.mjs`));
  for (const [index, path] of paths.entries()) writeFileSync(path, must(texts[index], path));
  writeFileSync(join(at, 'setup.mjs'), setup);
  const imports = paths.map((path) => `await import(${JSON.stringify(path)});`);
  writeFileSync(join(at, 'all.mjs'), imports.join(`\nconsole.log('${separator}');\n`));
  const printed = await run('node', ['--import', join(at, 'setup.mjs'), join(at, 'all.mjs')]);
  return printed.split(separator);
}

function expectPrinted(printed: readonly string[]): void {
  expect(printed).toEqual(repositories.map(({ prints }) => expect.stringMatching(prints)));
}

test('every program of a card is run by one of these tests', () => {
  const kinds = [...programs.values()].map((of) =>
    of.map(({ heading, language }) => `${heading}: ${language}`),
  );
  const all = [
    'transformers.js: js',
    'ONNX Runtime in Python: python',
    'ONNX Runtime in Node: js',
    'modernbert-onnx: sh',
    'modernbert-onnx: js',
  ];
  const withoutCommand = all.filter((kind) => kind !== 'modernbert-onnx: sh');
  expect(kinds).toEqual([all, all, all, withoutCommand]);
});

test('transformers.js runs what the card says', async () => {
  const setup = `
import { env } from '@huggingface/transformers';
env.allowRemoteModels = false;
env.localModelPath = ${JSON.stringify(`${folder}/`)};`;
  expectPrinted(await runModules(setup, programsUnder('transformers.js', 'js')));
});

test('ONNX Runtime runs it in Node', async () => {
  expectPrinted(await runModules('', programsUnder('ONNX Runtime in Node', 'js')));
});

// a GPU in software takes its time on a machine that has other work
test('our own GPU runtime runs it', { timeout: 180_000 }, async () => {
  const setup = `
const { fetch } = globalThis;
globalThis.fetch = (url, options) =>
  fetch(String(url).replace('https://huggingface.co', ${JSON.stringify(hub?.origin)}), options);`;
  const [text = '', , ...others] = programsUnder('modernbert-onnx', 'js'); // dtypes go by name
  const printed = await runModules(setup, [text, ...others]);
  // a continuation without its prompt, and the likeliest label
  const prints = [/^!\s+KING RICHARD II:\s+O, what/, /label: '\w+', score: 0\.\d+/, /^\s*128\s*$/];
  expect(printed).toEqual(prints.map((pattern) => expect.stringMatching(pattern)));
});

test('so does our command line', async () => {
  const texts = ['text', 'mood'].flatMap((name) =>
    must(programs.get(name), name).filter(({ language }) => language === 'sh'),
  );
  const printed = await Promise.all(texts.map(({ text }) => run('sh', ['-ec', text], noGpu)));
  expect(printed).toEqual([expect.stringMatching(story), expect.stringMatching(/\w+ +\d+\.\d+ %/)]);
});

describe('in Python', () => {
  beforeEach(async ({ skip }) => {
    const needed = 'import onnxruntime, tokenizers, huggingface_hub';
    await run(python, ['-c', needed]).catch(() => {
      skip(`${python} has no onnxruntime, tokenizers and huggingface_hub; PYTHON names another`);
    });
  });

  test('ONNX Runtime runs it', async () => {
    const texts = programsUnder('ONNX Runtime in Python', 'python');
    for (const { name } of repositories) {
      const cache = join(folder, 'cache', `models--some--${name}`);
      mkdirSync(join(cache, 'refs'), { recursive: true });
      writeFileSync(join(cache, 'refs/main'), commit);
      cpSync(join(folder, 'some', name), join(cache, 'snapshots', commit), { recursive: true });
    }
    const paths = texts.map((text, index) => {
      const path = join(folder, `${index}.py`);
      writeFileSync(path, text);
      return path;
    });
    const each = paths.map((path) => `runpy.run_path(${JSON.stringify(path)})`);
    const all = ['import runpy', each.join(`\nprint('${separator}')\n`)].join('\n');
    const env = { HF_HUB_CACHE: join(folder, 'cache'), HF_HUB_OFFLINE: '1' };
    expectPrinted((await run(python, ['-c', all], env)).split(separator));
  });
});
