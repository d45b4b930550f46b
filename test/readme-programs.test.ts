// README.md: its programs against the types that the package is published with, its commands against
// the command line.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes } from '../src/base/errors.ts';
import { buildProgram } from '../src/cli/program.ts';
import { temporaryFolder } from './tree.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  module: 'nodenext',
  moduleDetection: 'force',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node', '@webgpu/types'],
  typeRoots: [join(root, 'node_modules/@types'), join(root, 'node_modules')],
  paths: {
    'modernbert-onnx': [join(root, 'dist/src/index.d.ts')],
    'modernbert-onnx/*': [join(root, 'dist/src/*.d.ts')],
  },
};

it('has programs that compile', () => {
  const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, program = '']) => program);
  expect(programs).toHaveLength(4);
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  for (const [index, program] of programs.entries()) {
    writeFileSync(join(folder, `program-${index + 1}.ts`), program);
  }
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

it('lists the options that commands have', () => {
  const [, block = ''] = /^## Commands\n\n```\n(.*?)^```$/ms.exec(readme) ?? [];
  const { commands } = buildProgram(() => undefined);
  for (const command of commands) {
    const lines = block.match(
      new RegExp(`^modernbert-onnx ${command.name()} .*\n(?: .*\n)*`, 'gm'),
    );
    const listed = new Set(lines?.join('').match(/(?<=\[| )--?[a-z][a-z0-9-]*/g));
    const names = command.options.flatMap(({ long, short }) => [long, short]);
    const forgotten = command.options.filter(({ long = '', short = '', negate }) => {
      const isOther = negate && names.includes(long.replace('--no-', '--'));
      return !isOther && !listed.has(long) && !listed.has(short);
    });
    expect.soft(forgotten.map(({ long }) => `${command.name()} ${long ?? ''}`)).toEqual([]);
    expect.soft([...listed].filter((name) => !names.includes(name))).toEqual([]);
  }
});

it('lists the exit statuses', () => {
  const rows = [...readme.matchAll(/^\| (\d+) +\|/gm)].map(([, status]) => Number(status));
  const statuses = new Set([0, 1, ...Object.values(errorCodes)]);
  expect(rows).toEqual([...statuses].toSorted((a, b) => a - b));
});
