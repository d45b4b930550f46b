// The command lines that README.md shows, run as they stand: they print what stands below them, but
// for figures, which a machine and a version change. What needs the Hub or minutes is run elsewhere.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { caseFolder, command, noGpu } from './command.ts';

interface Example {
  readonly args: readonly string[];
  /** What README.md says that it prints. */
  readonly printed: string;
}

const root = join(import.meta.dirname, '..');
const elsewhere = /^push |--target-kl/; // test/hub, test/target-kl.test.ts
const examples = examplesOf(readFileSync(join(root, 'README.md'), 'utf8'));
let cwd = '';

/** Blocks that begin with a command line. */
function examplesOf(readme: string): readonly Example[] {
  const blocks = readme.matchAll(/^```\n\$ (?:npx )?modernbert-onnx (.*)\n([^]*?)^```$/gm);
  return [...blocks].flatMap(([, line = '', printed = '']) =>
    elsewhere.test(line) ? [] : [{ args: wordsOf(line), printed }],
  );
}

/** The words of a command line, without the quotes that hold one together. */
function wordsOf(line: string): readonly string[] {
  return Array.from(line.matchAll(/"([^"]*)"|\S+/g), ([word, quoted]) => quoted ?? word);
}

/** Text in which a figure is only that it is one. */
function withoutFigures(text: string): string {
  return text
    .replaceAll(/\d+([.,]\d+)*(e-?\d+)?/g, '#')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  const isRecord = (path: string): boolean =>
    ['case.json', 'golden.safetensors'].includes(basename(path));
  for (const name of ['shakespeare', 'shakespeare-mood']) {
    cpSync(caseFolder(name), join(cwd, name), {
      recursive: true,
      filter: (path) => !isRecord(path),
    });
  }
  cpSync(join(root, 'bench/shakespeare-validation.txt'), join(cwd, 'validation.txt'));
  const sources = ['./shakespeare', './shakespeare-moot', './shakespeare-mood'];
  writeFileSync(join(cwd, 'checkpoints.txt'), sources.join('\n'));
  await command(['convert', 'shakespeare-mood', '-o', 'mood-onnx'], { cwd });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test('every command but those of the Hub is shown with what it prints', () => {
  const shown = new Set(examples.map(({ args: [name] }) => name));
  expect([...shown].toSorted()).toEqual(
    ['inspect', 'convert', 'verify', 'compare', 'generate', 'classify', 'bench'].toSorted(),
  );
});

test.each(examples)('modernbert-onnx $args', async ({ args, printed }) => {
  const { stdout } = await command(args, { cwd, env: noGpu });
  expect(withoutFigures(stdout)).toBe(withoutFigures(printed));
});
