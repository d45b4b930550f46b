// The rules of the house: which floor imports which, what stays small, what may touch the machine.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ops } from '../ops/index.ts';
import { errorCodes } from '../src/base/errors.ts';
import { tool } from '../src/base/version.ts';

const root = join(import.meta.dirname, '..');

/** From the ground; what stands in one row are neighbors. */
const floors: readonly (readonly string[])[] = [
  ['src/base', 'src/simd'],
  ['src/ir'],
  ['src/op.ts', 'src/wgsl.ts'],
  ['ops'],
  ['src/checkpoint', 'src/config', 'src/onnx', 'src/quantize'],
  ['src/calibrate', 'src/model', 'src/passes', 'src/runtime', 'src/validate', 'src/hub'],
  ['src/gptq.ts'],
  ['src/half-range.ts', 'src/target-kl.ts'],
  ['src/consumer-files.ts', 'src/conversion-manifest.ts'],
  ['src/convert.ts', 'src/verify.ts'],
  ['src/parcel.ts'],
  ['src/push.ts'],
  ['src/index.ts', 'src/browser.ts', 'src/runtime.ts'],
  ['src/cli'],
  ['bin'],
];

const maxLines = 300;

/** Folders whose lines nobody writes. */
const generated = 'src/onnx/generated/';

interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** What it imports: files from the root, packages by name. */
  readonly imports: readonly string[];
}

/** The code in some folders of the root, generated code left out. */
function sourcesIn(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.m?[jt]s$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .filter((path) => !path.startsWith(generated))
      .map((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        return { path, text, imports: importsOf(path, text) };
      }),
  );
}

const importPattern =
  /^\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

function importsOf(path: string, text: string): readonly string[] {
  return [...text.matchAll(importPattern)].map(([, from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic ?? '';
    return target.startsWith('.') ? posix.join(dirname(path), target) : target;
  });
}

/** The unit that a file belongs to, and its floor. */
function placeOf(path: string): { readonly unit: string; readonly floor: number } {
  const floor = floors.findIndex((units) => units.some((unit) => isIn(path, unit)));
  const unit = floors[floor]?.find((each) => isIn(path, each)) ?? 'nowhere';
  return { unit, floor };
}

function isIn(path: string, unit: string): boolean {
  return path === unit || path.startsWith(`${unit}/`);
}

const isTest = ({ path }: SourceFile): boolean => path.endsWith('.test.ts');
const everything = sourcesIn('src', 'ops', 'bin', 'web', 'test');
const product = sourcesIn('src', 'ops', 'bin').filter((file) => !isTest(file));

describe('the floors', () => {
  test('have a place for every file', () => {
    const homeless = product.filter(({ path }) => placeOf(path).floor === -1);
    expect(homeless.map(({ path }) => path)).toEqual([]);
  });

  test('are imported from above only, never by a neighbor', () => {
    const found = product.flatMap(({ path, imports }) => {
      const from = placeOf(path);
      return imports
        .filter((target) => /^(?:src|ops|bin|test)\//.test(target))
        .filter((target) => {
          const to = placeOf(target);
          return to.floor === -1 || (to.unit !== from.unit && to.floor >= from.floor);
        })
        .map((target) => `${path} → ${target}`);
    });
    expect(found).toEqual([]);
  });

  test('see every import', () => {
    const edges = product.flatMap(({ imports }) => imports);
    expect(edges.length).toBeGreaterThan(product.length);
    const relatives = product.flatMap(
      ({ text }) => text.match(/['"]\.{1,2}\/[^'"]+\.ts['"]/g) ?? [],
    );
    expect(edges.filter((target) => target.endsWith('.ts'))).toHaveLength(relatives.length);
  });
});

test(`a file has ${maxLines} lines at most`, () => {
  const long = everything
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > maxLines);
  expect(long).toEqual([]);
});

test('the median file is short', () => {
  const lengths = product.map(({ text }) => text.split('\n').length).toSorted((a, b) => a - b);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(100);
});

test('file names are lower case words', () => {
  const names = everything.map(({ path }) => posix.basename(path));
  expect(
    names.filter((name) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test|\.d)?\.m?[jt]s$/.test(name)),
  ).toEqual([]);
});

describe('a folder of ops', () => {
  const folders = readdirSync(join(root, 'ops'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const holds = (folder: string, pattern: RegExp): boolean =>
    readdirSync(join(root, 'ops', folder)).some((name) => pattern.test(name));

  test('with a fused operator is listed in the index', () => {
    const fused = folders.filter((folder) => existsSync(join(root, 'ops', folder, 'op.ts')));
    const listed = [...ops.keys()].map((name) => name.toLowerCase());
    expect(listed.toSorted()).toEqual(fused.map((name) => name.replaceAll('-', '')).toSorted());
  });

  test('has kernels, and tests of them', () => {
    const without = (pattern: RegExp): readonly string[] =>
      folders.filter((folder) => !holds(folder, pattern));
    expect(without(/^kernel.*(?<!\.test)\.ts$/)).toEqual(['matmul-nbits']); // read by those of matmul
    expect(without(/\.test\.ts$/)).toEqual([]);
  });
});

test('only the file source, the file sink and the command line use Node', () => {
  const allowed = /\/file-[^/]*\.ts$|^src\/cli\/|^bin\//;
  const users = product.filter(({ imports }) => imports.some((target) => isBuiltin(target)));
  expect(users.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([]);
  const globals = product.filter(({ text }) => /\bBuffer\.|\bprocess\.|\brequire\(/.test(text));
  expect(globals.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([]);
});

test('only src/onnx knows protobuf', () => {
  const users = product.filter(({ imports }) =>
    imports.some((target) => /protobuf|onnx\/generated/.test(target)),
  );
  expect(users.length).toBeGreaterThan(0);
  expect(users.map(({ path }) => path).filter((path) => !path.startsWith('src/onnx/'))).toEqual([]);
});

test('the tool calls itself what its package does', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as typeof tool;
  expect(tool).toEqual({ name: manifest.name, version: manifest.version });
});

test('every error code is raised somewhere', () => {
  const texts = product.filter(({ path }) => path !== 'src/base/errors.ts').map(({ text }) => text);
  const idle = Object.keys(errorCodes).filter(
    (code) => !texts.some((text) => text.includes(`'${code}'`)),
  );
  expect(idle).toEqual([]);
});

test('no test is left out', () => {
  const skipped = /\b(?:test|it|describe)\.(?:only|skip|todo|fails)\b/;
  const found = everything.filter((file) => isTest(file) && skipped.test(file.text));
  expect(found.map(({ path }) => path)).toEqual([]);
});

test('no file knows the machine that it was written on', () => {
  // the brackets keep this file from finding itself
  const places = /\/wor[k]\/|\/tmp\/helper[s]|\/roo[t]\/|\/home\/[a-z]/;
  const found = everything.filter(({ text }) => places.test(text));
  expect(found.map(({ path }) => path)).toEqual([]);
});
