// The programs of README.md, held against the types that the package is published with.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './tree.ts';

const root = join(import.meta.dirname, '..');
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
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
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
